//! All pages of a collection, one after the other.
//!
//! There are two ways to the next page. A server that gives `next` is asked for that, and once
//! only: medallion gives the same name for all pages and goes on with each request, so that a
//! page which was lost on its way is lost for good. A server that does not is asked for what was added after the last object of the page, and a page may end in
//! the middle of objects that were added in the same instant: so it is asked from a millisecond
//! before, and what comes again is told apart by id and version.

use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::{
    Pulled, ask,
    bundle::{Bundle, Page, Stop},
    slashed,
};
use crate::{
    Client, Error, Kind, Progress,
    client::{Call, Hashed, unwritten},
    endpoint::shown,
};

/// Objects that a page is asked to have. A server may send fewer.
const OBJECTS: u64 = 2000;

/// Objects that a page is asked to have where so many were added in the same instant.
const MOST_OBJECTS: u64 = 1 << 20;

/// What moments of servers are rounded to, at worst.
const INSTANT: SignedDuration = SignedDuration::from_millis(1);

/// By how much a server's clock may be ahead of this machine's.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// Asks for page after page. What is known of the file's hash is left out.
pub(super) fn pull(
    client: &Client,
    added_after: Option<&str>,
    sink: &mut Hashed<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Pulled, Error> {
    let mut url = client.endpoint.url.clone();
    slashed(&mut url);
    url.set_path(&format!("{}objects/", url.path()));
    let limits = &client.limits;
    let name = format!("{url} {}", added_after.unwrap_or_default());
    let bundle = Bundle::new(sink, &name, limits.bytes, limits.objects)
        .map_err(|stop| stopped(client, &url, stop))?;
    let mut pages = Pages {
        client,
        call: client.call(true, progress)?,
        bundle,
        url,
        wall: client.world.wall(),
        after: added_after.map(str::to_owned),
        last: None,
        next: None,
        objects: OBJECTS,
        stuck: 0,
        asked: 0,
    };
    while pages.page()? {}
    pages.finish(added_after)
}

struct Pages<'a> {
    client: &'a Client,
    call: Call<'a>,
    bundle: Bundle<'a>,
    url: Url,
    wall: SystemTime,
    /// What the next page is asked to be after.
    after: Option<String>,
    /// When the last object of the last page that had one was added.
    last: Option<Timestamp>,
    /// By what the server names the next page.
    next: Option<String>,
    /// Objects that a page is asked to have.
    objects: u64,
    /// Objects of the last page that brought nothing new.
    stuck: u64,
    asked: u64,
}

impl Pages<'_> {
    /// Asks for a page, and says whether there is another.
    fn page(&mut self) -> Result<bool, Error> {
        if self.asked >= self.client.limits.pages {
            let what = format!("has more than {} pages", self.asked);
            let advice = "raise the limit if the collection is that large";
            return Err(Error::new(&shown(&self.url), Kind::TooLarge, what, advice));
        }
        self.asked += 1;
        let mut body = Vec::new();
        let asked = self.address();
        let answer = ask(
            self.client,
            &mut self.call,
            &asked,
            self.next.is_some(),
            &mut body,
        )?;
        let before = self.bundle.objects();
        let page = self
            .bundle
            .page(&body)
            .map_err(|stop| stopped(self.client, &self.url, stop))?;
        let objects = self.bundle.objects();
        (self.call.progress)(Progress::Page {
            pages: self.asked,
            objects,
        });
        if page.objects > 0 {
            self.last = answer
                .added_last
                .map(|last| self.moment(&last))
                .transpose()?;
        }
        if !page.more {
            return Ok(false);
        }
        self.turn(page, objects - before)?;
        Ok(true)
    }

    /// What to ask for, with the endpoint's own query.
    fn address(&self) -> Url {
        let mut url = self.url.clone();
        let mut query = url.query_pairs_mut();
        query.append_pair("limit", &self.objects.to_string());
        if let Some(after) = &self.after {
            query.append_pair("added_after", after);
        }
        if let Some(next) = &self.next {
            query.append_pair("next", next);
        }
        drop(query);
        url
    }

    /// Turns to the page after one that brought so many new objects.
    fn turn(&mut self, page: Page, new: u64) -> Result<(), Error> {
        if page.objects == 0 {
            return Err(self.wrong("says that there is more, and sends a page without objects"));
        }
        if let Some(next) = page.next.filter(|next| !next.is_empty()) {
            // The same name again may be a place that the server keeps; what counts is what comes.
            if new == 0 {
                return Err(self.wrong("says that there is more, and sends nothing new"));
            }
            self.next = Some(next);
            return Ok(());
        }
        if self.next.is_some() {
            return Err(self.wrong("named the next page, and now says only that there is more"));
        }
        let Some(last) = self.last else {
            let what = "says that there is more, and names neither the next page nor the date of \
                        the last object";
            return Err(self.wrong(what));
        };
        if new == 0 {
            // As many objects of one instant as a page has: a larger page gets past them.
            if page.objects <= self.stuck || self.objects >= MOST_OBJECTS {
                let what = "has more objects of the same instant than it sends in a page, and does \
                            not name the next page";
                return Err(self.wrong(what));
            }
            self.stuck = page.objects;
            self.objects *= 2;
        }
        self.after = Some(before(last));
        Ok(())
    }

    fn finish(self, added_after: Option<&str>) -> Result<Pulled, Error> {
        let objects = self.bundle.objects();
        let repeated = self.bundle.repeated;
        let bytes = self
            .bundle
            .finish()
            .map_err(|stop| stopped(self.client, &self.url, stop))?;
        let unchanged = added_after.filter(|_| objects == 0).map(str::to_owned);
        Ok(Pulled {
            added_after: self.last.map(before).or(unchanged),
            objects,
            repeated,
            pages: self.asked,
            bytes,
            sha256: [0; 32],
        })
    }

    /// Reads the date of the last object. With one that lies ahead, no later pull would find
    /// anything.
    fn moment(&self, text: &str) -> Result<Timestamp, Error> {
        let moment: Timestamp = text
            .parse()
            .map_err(|_| self.wrong("has an X-TAXII-Date-Added-Last that is no date"))?;
        let now = Timestamp::try_from(self.wall).unwrap_or(Timestamp::MAX);
        if moment.duration_since(now) > AHEAD {
            return Err(self.wrong("has an X-TAXII-Date-Added-Last that lies ahead"));
        }
        Ok(moment)
    }

    fn wrong(&self, what: &str) -> Error {
        let advice = "ask the operator of the server; what came so far is thrown away";
        Error::new(&shown(&self.url), Kind::Envelope, what, advice)
    }
}

/// A moment that is surely before all that was added at `last`.
fn before(last: Timestamp) -> String {
    let moment = last.checked_sub(INSTANT).unwrap_or(last);
    format!("{moment:.6}")
}

/// What ended a bundle, as an error.
fn stopped(client: &Client, url: &Url, stop: Stop) -> Error {
    let limits = &client.limits;
    let large = "raise the limit if the collection is that large, or ask for a part of it";
    let (kind, what, advice) = match stop {
        Stop::Wrong(what) => (Kind::Envelope, what, "ask the operator of the server"),
        Stop::Bytes => {
            let what = format!("is larger than {} octets", limits.bytes);
            (Kind::TooLarge, what, large)
        }
        Stop::Objects => {
            let what = format!("has more than {} objects", limits.objects);
            (Kind::TooLarge, what, large)
        }
        Stop::Io(error) => return unwritten(url, &error),
    };
    Error::new(&shown(url), kind, what, advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_pull_begins_a_millisecond_before_the_last_object() {
        for (last, expected) in [
            ("2024-05-06T07:08:09.123456Z", "2024-05-06T07:08:09.122456Z"),
            ("2024-05-06T07:08:09Z", "2024-05-06T07:08:08.999000Z"),
            ("2024-05-06T09:08:09.1+02:00", "2024-05-06T07:08:09.099000Z"),
        ] {
            assert_eq!(before(last.parse().unwrap()), expected);
        }
    }
}
