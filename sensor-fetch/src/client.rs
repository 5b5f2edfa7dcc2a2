//! Fetching one body.
//!
//! `connect` makes connections, `exchange` sends a request over them and reads the answer, and
//! here is what is around both: attempts, the time that all of it may take, and the file.

mod connect;
mod exchange;
mod request;
mod retry;
mod stream;
mod tls;

use std::{
    fs::File,
    io::{self, Seek as _, Write as _},
    sync::Arc,
    time::Instant,
};

use sha2::{Digest as _, Sha256};
use tokio::{
    runtime::{Builder, Runtime},
    time::timeout,
};

pub(crate) use self::exchange::{Answer, Ask, not_allowed, unwritten};
use self::{
    exchange::{Failure, Kept},
    request::authorization,
    tls::Tls,
};
use crate::{
    Endpoint, Error, Hosts, Kind, Limits, Machine, Progress, World,
    endpoint::{check, is_loopback, shown},
};

/// What the last good copy of a feed had, to ask whether there is a newer one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// `ETag`, as it came, `W/` included.
    pub etag: Option<String>,
    /// `Last-Modified`, as it came.
    pub last_modified: Option<String>,
}

/// What a fetch gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The copy that [`Known`] is of is still the newest. The file is as it was.
    Unchanged,
    /// The file has another.
    New(New),
}

/// What is known of a body that was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct New {
    /// `ETag` and `Last-Modified`, for the next time.
    pub known: Known,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of it.
    pub sha256: [u8; 32],
    /// `Content-Type`, as it came: a stranger's word. Without control characters.
    pub content_type: Option<String>,
}

/// Fetches from one endpoint. Its calls block, and end within [`Limits::total`].
pub struct Client {
    pub(crate) endpoint: Endpoint,
    pub(crate) hosts: Hosts,
    pub(crate) limits: Limits,
    tls: Tls,
    pub(crate) world: Arc<dyn World>,
}

impl Client {
    /// Reads certificates and checks what can be checked without asking anybody: that the host
    /// is listed, that no credential goes over plain http to another machine.
    pub fn new(endpoint: Endpoint, hosts: Hosts, limits: Limits) -> Result<Self, Error> {
        let url = &endpoint.url;
        check(url)?;
        if !hosts.allows(url) {
            return Err(not_allowed(url, "the host is not allowed".into(), url));
        }
        if let Some(proxy) = &endpoint.proxy {
            check(&proxy.url)?;
        }
        if let Some(credential) = &endpoint.credential {
            authorization(url, credential)?;
        }
        if url.scheme() == "http" {
            stays_here(&endpoint)?;
        }
        Ok(Self {
            tls: Tls::new(&endpoint)?,
            endpoint,
            hosts,
            limits,
            world: Arc::new(Machine),
        })
    }

    /// The same client with other clocks and names.
    #[must_use]
    pub fn in_world(mut self, world: Arc<dyn World>) -> Self {
        self.world = world;
        self
    }

    /// Fetches the endpoint's URL into `file`, which is emptied first, unless it is unchanged.
    ///
    /// The octets are those that the server sent, not unpacked. After an error the file is
    /// empty. It is not synced: that comes with giving it its name.
    pub fn fetch(
        &self,
        known: &Known,
        file: &mut File,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Fetched, Error> {
        let ask = Ask {
            url: self.endpoint.url.clone(),
            accept: "*/*",
            known,
            cap: self.limits.bytes,
            once: false,
        };
        let mut hashed = Hashed::new(file);
        let answer = self.call(false, progress)?.get(&ask, &mut hashed)?;
        if answer.unchanged {
            return Ok(Fetched::Unchanged);
        }
        Ok(Fetched::New(New {
            known: answer.known,
            bytes: answer.bytes,
            sha256: hashed.digest(),
            content_type: answer.content_type,
        }))
    }

    /// Begins what has to end within the total time. With `keeps`, a connection is used again
    /// for the next request.
    pub(crate) fn call<'a>(
        &'a self,
        keeps: bool,
        progress: &'a mut dyn FnMut(Progress),
    ) -> Result<Call<'a>, Error> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| unwritten(&self.endpoint.url, &error))?;
        Ok(Call {
            client: self,
            runtime: Some(runtime),
            until: self.world.now() + self.limits.total,
            keeps,
            kept: None,
            progress,
        })
    }
}

/// Refuses a secret that would go over plain http to another machine. To one behind a proxy,
/// `localhost` is the proxy's.
fn stays_here(endpoint: &Endpoint) -> Result<(), Error> {
    let refused = |what: &str| {
        let advice = "use https";
        Err(Error::new(
            &shown(&endpoint.url),
            Kind::Endpoint,
            what,
            advice,
        ))
    };
    let proxy = endpoint.proxy.as_ref();
    let here = is_loopback(&endpoint.url) && proxy.is_none_or(|proxy| is_loopback(&proxy.url));
    if endpoint.credential.is_some() && !here {
        return refused("would send the credential over plain http to another machine");
    }
    if endpoint.identity.is_some() {
        return refused("has a client certificate, which plain http has no use for");
    }
    Ok(())
}

/// Where the octets of a body go.
pub(crate) trait Sink {
    /// Forgets what was written; before each body, and after an error.
    fn restart(&mut self) -> io::Result<()>;
    /// Takes more.
    fn write(&mut self, octets: &[u8]) -> io::Result<()>;
}

impl Sink for Vec<u8> {
    fn restart(&mut self) -> io::Result<()> {
        self.clear();
        Ok(())
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.extend_from_slice(octets);
        Ok(())
    }
}

/// A file, and the hash of what is in it.
pub(crate) struct Hashed<'a> {
    file: &'a mut File,
    hash: Sha256,
}

impl<'a> Hashed<'a> {
    pub(crate) fn new(file: &'a mut File) -> Self {
        Self {
            file,
            hash: Sha256::new(),
        }
    }

    /// Empties the file after an error, which is the one to tell of.
    pub(crate) fn discard(mut self) {
        let _ = self.restart();
    }

    /// The hash of everything since the last start.
    pub(crate) fn digest(self) -> [u8; 32] {
        self.hash.finalize().into()
    }
}

impl Sink for Hashed<'_> {
    fn restart(&mut self) -> io::Result<()> {
        self.hash = Sha256::new();
        self.file.set_len(0)?;
        self.file.rewind()
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.hash.update(octets);
        self.file.write_all(octets)
    }
}

/// One call of a client, of one request or many.
pub(crate) struct Call<'a> {
    client: &'a Client,
    /// Always there, until it is dropped.
    runtime: Option<Runtime>,
    /// When it has to end.
    until: Instant,
    keeps: bool,
    kept: Option<Kept>,
    pub(crate) progress: &'a mut dyn FnMut(Progress),
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A look-up of a name may hang for longer than the call may.
            runtime.shutdown_background();
        }
    }
}

impl Call<'_> {
    /// Asks until there is an answer or no further attempt. After an error the sink is empty.
    pub(crate) fn get(&mut self, ask: &Ask<'_>, sink: &mut dyn Sink) -> Result<Answer, Error> {
        let result = self.attempts(ask, sink);
        if result.is_err() {
            // The first error is the one to tell of.
            let _ = sink.restart();
        }
        result
    }

    fn attempts(&mut self, ask: &Ask<'_>, sink: &mut dyn Sink) -> Result<Answer, Error> {
        let client = self.client;
        let Client { limits, world, .. } = client;
        let runtime = self.runtime.take();
        let Some(runtime) = runtime else {
            return Err(Error::new(
                &shown(&ask.url),
                Kind::Io,
                "has ended",
                "call again",
            ));
        };
        let mut attempt = 1;
        let result = loop {
            (self.progress)(Progress::Asking {
                url: shown(&ask.url),
                attempt,
            });
            let failure = match self.once(&runtime, ask, sink) {
                Ok(answer) => break Ok(answer),
                Err(failure) => failure,
            };
            let passes = failure.passes(ask.once);
            let mut error = failure.error;
            error.attempts = attempt;
            let pause = retry::pause(limits, &**world, attempt, failure.retry_after);
            let ends = world.now() + pause >= self.until;
            if !passes || attempt >= limits.attempts || ends {
                break Err(error);
            }
            (self.progress)(Progress::Waiting {
                pause,
                because: error.what,
            });
            world.sleep(pause);
            attempt += 1;
        };
        self.runtime = Some(runtime);
        result
    }

    /// One attempt, within what is left of the time.
    fn once(
        &mut self,
        runtime: &Runtime,
        ask: &Ask<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Answer, Failure> {
        let total = self.client.limits.total;
        let left = self
            .until
            .saturating_duration_since(self.client.world.now());
        let url = ask.url.clone();
        let attempt = runtime.block_on(async { timeout(left, self.attempt(ask, sink)).await });
        attempt.unwrap_or_else(|_| {
            let what = format!("has not ended within {total:?}");
            let advice = "ask later, or raise the limit if the feed is that large";
            Err(Error::new(&shown(&url), Kind::Timeout, what, advice).into())
        })
    }
}
