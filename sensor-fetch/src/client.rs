//! Fetching one body.

use std::{fs::File, sync::Arc};

use crate::{Endpoint, Error, Hosts, Kind, Limits, Machine, Progress, World};

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
    endpoint: Endpoint,
    hosts: Hosts,
    limits: Limits,
    world: Arc<dyn World>,
}

impl Client {
    /// Reads certificates and checks what can be checked without asking anybody: that the host
    /// is listed, that no credential goes over plain http to another machine.
    pub fn new(endpoint: Endpoint, hosts: Hosts, limits: Limits) -> Result<Self, Error> {
        Ok(Self {
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
        let _ = (
            known,
            file,
            progress,
            &self.hosts,
            &self.limits,
            &self.world,
        );
        Err(Error::new(
            self.endpoint.url.as_str(),
            Kind::Io,
            "not yet",
            "",
        ))
    }
}
