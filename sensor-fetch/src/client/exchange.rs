//! One request and its answer, over as many redirects as are allowed.

use std::{
    collections::BTreeSet, error::Error as _, future::poll_fn, io, pin::Pin, time::Duration,
};

use hyper::{
    Request, Response,
    body::{Body as _, Incoming},
    client::conn::http1::{self, Parts},
    header::{self, HeaderMap, HeaderName},
};
use tokio::{
    io::AsyncReadExt as _,
    task::JoinHandle,
    time::{Instant, timeout, timeout_at},
};
use url::Url;

use super::{
    Call, Client, Known, Sink,
    connect::tls_error,
    retry,
    stream::{Nothing, Stream},
    tls,
};
use crate::{
    Error, Hosts, Kind, Progress,
    endpoint::{check, shown},
    error::quoted,
};

/// Header lines of an answer, and octets of all of them; also what is read of a body at once.
/// hyper's own bounds are 100 and about 400 KiB.
const HEADERS: usize = 100;
const HEAD: usize = 64 * 1024;

/// How hyper calls a head that is larger; it has no other way to say so to a client.
const TOO_LARGE: &str = "message head is too large";

/// How long the end of a connection is waited for, to see that nothing follows a body.
const END: Duration = Duration::from_millis(200);

/// What is asked for.
pub(crate) struct Ask<'a> {
    pub(crate) url: Url,
    pub(crate) accept: &'static str,
    pub(crate) known: &'a Known,
    /// The most octets that a body may have.
    pub(crate) cap: u64,
    /// Whether asking twice may give something else than asking once. A server that keeps its
    /// place for `next` of TAXII goes on to the next page, and what was on its way is lost.
    pub(crate) once: bool,
}

/// What came, once the body is with the sink.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    /// Whether there was no body, because what is known is the newest.
    pub(crate) unchanged: bool,
    pub(crate) known: Known,
    pub(crate) content_type: Option<String>,
    /// `X-TAXII-Date-Added-Last`.
    pub(crate) added_last: Option<String>,
    pub(crate) bytes: u64,
}

/// Why an attempt failed, and how long the server asks to be left alone.
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(crate) retry_after: Option<Duration>,
    /// Whether the server may have seen the request.
    pub(crate) sent: bool,
}

impl Failure {
    /// Whether the same request is worth another attempt.
    pub(super) fn passes(&self, once: bool) -> bool {
        // These two say that nothing was done; what stands before a server says all others too.
        let untouched = !self.sent || matches!(self.error.kind, Kind::Status(429 | 503));
        self.error.kind.passes() && (!once || untouched)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error,
            retry_after: None,
            sent: true,
        }
    }
}

/// A task that drives a connection, and gives back what is left of it.
type Driver = JoinHandle<hyper::Result<Parts<Stream>>>;

/// A connection that may take another request.
pub(super) struct Kept {
    /// Scheme, host and port.
    origin: url::Origin,
    sender: http1::SendRequest<Nothing>,
    driver: Driver,
}

impl Call<'_> {
    /// Asks once, and follows redirects.
    pub(super) async fn attempt(
        &mut self,
        ask: &Ask<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Answer, Failure> {
        let mut url = ask.url.clone();
        let mut seen = BTreeSet::new();
        loop {
            let (response, kept) = self.send(&url, ask).await?;
            let status = response.status().as_u16();
            match status {
                200 => return Ok(self.body(&url, ask, response, kept, sink).await?),
                304 => return Ok(unchanged(&url, ask.known, response.headers())?),
                301 | 302 | 303 | 307 | 308 => {
                    seen.insert(url.clone());
                    let limit = self.client.limits.redirects;
                    if seen.len() > usize::from(limit) {
                        let what = format!("more than {limit} redirects");
                        let advice = "ask for the address at which they end";
                        return Err(
                            Error::new(&shown(&ask.url), Kind::Redirect, what, advice).into()
                        );
                    }
                    let to = self.client.redirect(&url, response.headers())?;
                    if seen.contains(&to) {
                        let what = format!("redirects in a circle, back to {}", shown(&to));
                        let advice = "ask the operator of the server";
                        return Err(
                            Error::new(&shown(&ask.url), Kind::Redirect, what, advice).into()
                        );
                    }
                    (self.progress)(Progress::Redirected { url: shown(&to) });
                    url = to;
                }
                status => return Err(self.client.refusal(&url, status, response.headers())),
            }
        }
    }

    /// Sends a request, over the connection that was kept if it is one to the same origin.
    async fn send(
        &mut self,
        url: &Url,
        ask: &Ask<'_>,
    ) -> Result<(Response<Incoming>, Kept), Failure> {
        let client = self.client;
        let before = self.kept.take().filter(|kept| kept.origin == url.origin());
        if let Some(mut kept) = before
            && !ask.once
            && kept.sender.ready().await.is_ok()
        {
            let request = client.request(url, ask, self.keeps)?;
            // A server may end a connection at any moment that it kept; only a fresh one counts.
            if let Ok(response) = client.answer(url, &mut kept, request).await {
                return Ok((response, kept));
            }
        }
        let stream = client.connect(url).await.map_err(|error| Failure {
            sent: false,
            ..error.into()
        })?;
        let (sender, connection) = http1::Builder::new()
            .max_headers(HEADERS)
            .max_buf_size(HEAD)
            .handshake(Stream(stream))
            .await
            .map_err(|error| broken(url, &error))?;
        let mut kept = Kept {
            origin: url.origin(),
            sender,
            driver: tokio::spawn(connection.without_shutdown()),
        };
        let request = client.request(url, ask, self.keeps)?;
        let response = client.answer(url, &mut kept, request).await?;
        Ok((response, kept))
    }

    /// Reads a body into `sink`.
    async fn body(
        &mut self,
        url: &Url,
        ask: &Ask<'_>,
        response: Response<Incoming>,
        kept: Kept,
        sink: &mut dyn Sink,
    ) -> Result<Answer, Error> {
        let (head, mut body) = response.into_parts();
        let of = length(url, &head.headers, ask.cap)?;
        let limits = &self.client.limits;
        sink.restart().map_err(|error| unwritten(url, &error))?;
        let mut bytes = 0_u64;
        let (mut window, mut in_window) = (Instant::now() + limits.idle, 0_u64);
        loop {
            let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context));
            let frame = timeout_at(window, frame).await.map_err(|_| {
                let what = format!(
                    "sends {in_window} octets in {:?}, fewer than {}",
                    limits.idle, limits.slowest
                );
                slow(url, what)
            })?;
            let Some(frame) = frame else { break };
            // Trailers say nothing that counts here.
            let Ok(data) = frame.map_err(|error| broken(url, &error))?.into_data() else {
                continue;
            };
            let more = u64::try_from(data.len()).unwrap_or(u64::MAX);
            bytes = bytes.saturating_add(more);
            if bytes > ask.cap {
                return Err(too_large(url, ask.cap));
            }
            sink.write(&data).map_err(|error| unwritten(url, &error))?;
            (self.progress)(Progress::Octets { so_far: bytes, of });
            in_window += more;
            if in_window >= limits.slowest {
                (window, in_window) = (Instant::now() + limits.idle, 0);
            }
        }
        drop(body);
        if self.keeps {
            self.kept = Some(kept);
        } else {
            nothing_follows(url, kept.driver, of).await?;
        }
        Ok(Answer {
            unchanged: false,
            known: Known {
                etag: text(&head.headers, &header::ETAG),
                last_modified: text(&head.headers, &header::LAST_MODIFIED),
            },
            content_type: text(&head.headers, &header::CONTENT_TYPE),
            added_last: text(
                &head.headers,
                &HeaderName::from_static("x-taxii-date-added-last"),
            ),
            bytes,
        })
    }
}

impl Client {
    /// Sends a request and waits for the headers of its answer.
    async fn answer(
        &self,
        url: &Url,
        kept: &mut Kept,
        request: Request<Nothing>,
    ) -> Result<Response<Incoming>, Error> {
        timeout(self.limits.idle, kept.sender.send_request(request))
            .await
            .map_err(|_| slow(url, format!("no answer within {:?}", self.limits.idle)))?
            .map_err(|error| broken(url, &error))
    }

    /// Where a redirect leads, if it may be followed.
    fn redirect(&self, from: &Url, headers: &HeaderMap) -> Result<Url, Error> {
        let refused = |what: String| {
            let advice = "ask for another address of the feed, or the operator of the server";
            Error::new(&shown(from), Kind::Redirect, what, advice)
        };
        let location = headers
            .get(header::LOCATION)
            .ok_or_else(|| refused("redirects without saying where to".into()))?;
        let location = location.to_str().ok();
        let mut to = location
            .and_then(|location| from.join(location).ok())
            .ok_or_else(|| refused("redirects to what is no URL".into()))?;
        to.set_fragment(None);
        check(&to).map_err(|error| {
            refused(format!(
                "redirects to {}, which {}",
                quoted(&error.url),
                error.what
            ))
        })?;
        if from.scheme() == "https" && to.scheme() != "https" {
            let what = format!("redirects from https to plain http, {}", shown(&to));
            return Err(refused(what));
        }
        if !self.hosts.allows(&to) {
            let what = format!("redirects to {}, a host that is not allowed", shown(&to));
            return Err(not_allowed(from, what, &to));
        }
        Ok(to)
    }

    /// A status that is no success, with the way out.
    fn refusal(&self, url: &Url, status: u16, headers: &HeaderMap) -> Failure {
        let advice = match status {
            401 | 403 | 407 if self.endpoint.credential.is_none() => {
                "give the credential that the provider asks for"
            }
            401 | 403 | 407 => "check the credential, and what the provider lets it read",
            404 | 410 => "check the URL: the feed may have moved or ended",
            406 => "check that the URL is of this kind of feed",
            429 => "ask less often, as the provider says",
            500..=599 => "ask later, or the operator of the server",
            _ => "only 200 brings a feed: check the URL",
        };
        let what = match hyper::StatusCode::from_u16(status)
            .ok()
            .and_then(|code| code.canonical_reason())
        {
            Some(reason) => format!("the server answered {status} {reason}"),
            None => format!("the server answered {status}"),
        };
        let retry_after = headers
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| retry::retry_after(value.trim(), self.world.wall()));
        Failure {
            error: Error::new(&shown(url), Kind::Status(status), what, advice),
            retry_after,
            sent: true,
        }
    }
}

/// The error of a host that is not on the list, with the line to add.
pub(crate) fn not_allowed(url: &Url, what: String, missing: &Url) -> Error {
    let advice = format!(
        "if it is to be asked, add the line '{}' to the allowed hosts",
        Hosts::line_for(missing)
    );
    Error::new(&shown(url), Kind::NotAllowed, what, advice)
}

/// Whether "not modified" answers what was asked.
fn unchanged(url: &Url, known: &Known, headers: &HeaderMap) -> Result<Answer, Error> {
    let wrong = |what: &str| {
        let advice = "fetch it again without what is known of the last copy, or ask the operator";
        Error::new(&shown(url), Kind::FalseNotModified, what, advice)
    };
    if *known == Known::default() {
        return Err(wrong(
            "the server answered 304 Not Modified, and nothing was known to it",
        ));
    }
    let opaque = |etag: &str| etag.strip_prefix("W/").unwrap_or(etag).to_owned();
    if let (Some(etag), Some(now)) = (&known.etag, text(headers, &header::ETAG))
        && opaque(etag) != opaque(&now)
    {
        return Err(wrong(
            "the server answered 304 Not Modified of another version (ETag)",
        ));
    }
    Ok(Answer {
        unchanged: true,
        known: known.clone(),
        ..Answer::default()
    })
}

/// The length that headers give a body; refuses what they contradict themselves in.
fn length(url: &Url, headers: &HeaderMap, cap: u64) -> Result<Option<u64>, Error> {
    let wrong = |what: String| {
        let advice = "ask the operator of the server: it does not speak HTTP as it should";
        Error::new(&shown(url), Kind::Protocol, what, advice)
    };
    for value in headers.get_all(header::CONTENT_ENCODING) {
        let coding = String::from_utf8_lossy(value.as_bytes());
        if !coding.trim().eq_ignore_ascii_case("identity") {
            let what = format!(
                "sends it coded as '{}', though asked not to",
                quoted(&coding)
            );
            return Err(wrong(what));
        }
    }
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let coding = codings.next();
    if codings.next().is_some()
        || coding.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
    {
        return Err(wrong("has a Transfer-Encoding other than chunked".into()));
    }
    let length = text(headers, &header::CONTENT_LENGTH);
    if coding.is_some() && length.is_some() {
        return Err(wrong("has a Content-Length and chunks".into()));
    }
    // hyper read it and refused what is no number.
    let of = length.and_then(|length| length.parse().ok());
    if of.is_some_and(|of| of > cap) {
        return Err(too_large(url, cap));
    }
    Ok(of)
}

/// Waits for the end of a connection, before which nothing may come any more: a body that is
/// longer than its `Content-Length` was cut by it.
async fn nothing_follows(url: &Url, driver: Driver, of: Option<u64>) -> Result<(), Error> {
    let longer = || {
        let what = match of {
            Some(of) => format!("sends more than its Content-Length of {of}"),
            None => "sends more after the end of the body".to_owned(),
        };
        let advice = "ask the operator of the server: what came may be cut";
        Err(Error::new(&shown(url), Kind::Protocol, what, advice))
    };
    let abort = driver.abort_handle();
    let Ok(Ok(ended)) = timeout(END, driver).await else {
        abort.abort();
        return Ok(());
    };
    let Ok(Parts {
        mut io, read_buf, ..
    }) = ended
    else {
        return longer();
    };
    if !read_buf.is_empty() {
        return longer();
    }
    match timeout(END, io.0.read_u8()).await {
        Ok(Ok(_)) => longer(),
        // Ended, by whichever of the ways there are, or not ended and silent.
        Ok(Err(_)) | Err(_) => Ok(()),
    }
}

/// A header as text without control characters, where it has one.
fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

fn too_large(url: &Url, cap: u64) -> Error {
    let advice = "raise the limit if the feed is that large, or ask for a smaller one";
    let what = format!("is larger than {cap} octets");
    Error::new(&shown(url), Kind::TooLarge, what, advice)
}

fn slow(url: &Url, what: String) -> Error {
    let advice = "ask later, or raise the limit if the server is that slow";
    Error::new(&shown(url), Kind::Timeout, what, advice)
}

pub(crate) fn unwritten(url: &Url, error: &io::Error) -> Error {
    let what = format!("cannot be written: {error}");
    Error::new(
        &shown(url),
        Kind::Io,
        what,
        "check the disk and the file's permissions",
    )
}

/// An error of hyper, sorted: what broke, what is no HTTP, what TLS refused after its handshake.
fn broken(url: &Url, error: &hyper::Error) -> Error {
    let at = shown(url);
    if error.is_parse() && error.to_string() == TOO_LARGE {
        let what = format!("the answer has more than {HEADERS} headers or {HEAD} octets of them");
        return Error::new(&at, Kind::TooLarge, what, "ask the operator of the server");
    }
    let io = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>());
    if let Some(tls) = io.and_then(tls_error) {
        let (what, advice) = tls::explain(tls);
        return Error::new(&at, Kind::Tls, what, advice);
    }
    let malformed = io.is_some_and(|io| {
        matches!(
            io.kind(),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
        )
    });
    if error.is_parse() || malformed {
        let what = match io {
            Some(io) => format!("the answer is not HTTP/1.1: {io}"),
            None => format!("the answer is not HTTP/1.1: {error}"),
        };
        let advice = "check scheme and port, or ask the operator of the server";
        return Error::new(&at, Kind::Protocol, what, advice);
    }
    let what = match io {
        Some(io) => format!("the connection broke: {io}"),
        None => format!("the connection broke: {error}"),
    };
    Error::new(
        &at,
        Kind::Connection,
        what,
        "ask later, or check the network",
    )
}
