//! What is asked, as whom, and by which way.

use std::net::{IpAddr, Ipv4Addr};

use url::{Host, Url};

use crate::{Error, Kind, Secret};

/// What is asked, as whom, and by which way.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Where the feed is: `https://…`, or `http://…` where [`Hosts`](crate::Hosts) says so. No
    /// user and no password in it: those are [`credential`](Self::credential).
    pub url: Url,
    /// As whom. Sent only to the origin (scheme, host, port) of [`url`](Self::url), and over
    /// plain http only to this host itself.
    pub credential: Option<Credential>,
    /// A client certificate, offered only to the host and port of [`url`](Self::url).
    pub identity: Option<Identity>,
    /// Certificates, in PEM, of the only authorities that are believed, in place of the system's.
    pub roots: Option<Vec<u8>>,
    /// The proxy that everything goes through. Without one, nothing does: what the environment
    /// says (`HTTPS_PROXY` and the like) is not read.
    pub proxy: Option<Proxy>,
}

/// What shows a server who is asking.
#[derive(Clone, Debug)]
pub enum Credential {
    /// `Authorization: Basic`.
    Basic {
        /// Without a colon, as the header has no other end of a name.
        user: String,
        /// The password.
        password: Secret,
    },
    /// `Authorization: Bearer`.
    Bearer(Secret),
    /// A header of the provider's own, such as `X-OTX-API-KEY` or MISP's `Authorization`.
    Header {
        /// The name of the header.
        name: String,
        /// Its whole value.
        value: Secret,
    },
}

/// A client certificate and its key, as PEM. Its `Debug` hides both.
#[derive(Clone)]
pub struct Identity {
    pem: Vec<u8>,
}

impl Identity {
    /// The certificate, those of its issuers if the server needs them, and the private key (PKCS
    /// #8, PKCS #1 or SEC 1, not encrypted), in any order. Read when a client is made.
    pub fn from_pem(pem: impl Into<Vec<u8>>) -> Self {
        Self { pem: pem.into() }
    }

    pub(crate) fn pem(&self) -> &[u8] {
        &self.pem
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Identity(…)")
    }
}

/// A proxy of HTTP: `CONNECT` for https, the whole URL for plain http.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// `http://HOST:PORT`. What is fetched by https stays encrypted through it.
    pub url: Url,
    /// User and password for the proxy itself.
    pub credential: Option<(String, Secret)>,
}

impl Endpoint {
    /// An endpoint with nothing but its URL.
    pub fn new(url: &str) -> Result<Self, Error> {
        Ok(Self {
            url: parse(url)?,
            credential: None,
            identity: None,
            roots: None,
            proxy: None,
        })
    }
}

impl Proxy {
    /// A proxy without a password.
    pub fn new(url: &str) -> Result<Self, Error> {
        let parsed = parse(url)?;
        if parsed.scheme() != "http" || !matches!(parsed.path(), "" | "/") {
            return Err(wrong(
                &shown(&parsed),
                "not the URL of a proxy",
                "write it as http://HOST:PORT",
            ));
        }
        Ok(Self {
            url: parsed,
            credential: None,
        })
    }
}

/// Reads a URL and refuses what no request is made of.
fn parse(text: &str) -> Result<Url, Error> {
    let url = Url::parse(text).map_err(|error| {
        // The text is not shown: it may have a password in it.
        wrong(
            "the URL",
            &format!("cannot be read: {error}"),
            "write it as https://HOST/PATH",
        )
    })?;
    check(&url)?;
    Ok(url)
}

/// Refuses a URL of another scheme, with a user in it or without a host.
pub(crate) fn check(url: &Url) -> Result<(), Error> {
    if !matches!(url.scheme(), "https" | "http") {
        let what = format!("has the scheme '{}'", url.scheme());
        return Err(wrong(&shown(url), &what, "only https and http are fetched"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            &shown(url),
            "has a user or a password in it",
            "take them out of the URL and give them as a credential",
        ));
    }
    if url.host().is_none() {
        return Err(wrong(
            &shown(url),
            "names no host",
            "write it as https://HOST/PATH",
        ));
    }
    Ok(())
}

fn wrong(url: &str, what: &str, advice: &str) -> Error {
    Error::new(url, Kind::Endpoint, what, advice)
}

/// A URL as messages may show it: without user, password and fragment, and `?…` for a query,
/// as many a feed has its key there.
pub(crate) fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let query = if url.query().is_some() { "?…" } else { "" };
    let slashes = if url.has_host() { "//" } else { "" };
    format!(
        "{}:{slashes}{host}{port}{}{query}",
        url.scheme(),
        url.path()
    )
}

/// Whether a host is this one: an address of the loopback network, or `localhost`, which is
/// never looked up.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The address that the host of a URL is, where it is one.
pub(crate) fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Domain("localhost") => Some(Ipv4Addr::LOCALHOST.into()),
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
    }
}

/// Whether two URLs have the same scheme, host and port.
pub(crate) fn same_origin(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_a_url_has_no_secrets() {
        for (url, expected) in [
            (
                "https://feeds.example/a?key=s3cret#s3cret",
                "https://feeds.example/a?…",
            ),
            (
                "https://me:s3cret@feeds.example:8443/",
                "https://feeds.example:8443/",
            ),
            ("http://[::1]:80/a", "http://[::1]/a"),
            ("file:///etc/passwd", "file:/etc/passwd"),
            ("data:text/plain,a", "data:text/plain,a"),
        ] {
            assert_eq!(shown(&Url::parse(url).unwrap()), expected);
        }
    }

    #[test]
    fn a_url_that_no_request_is_made_of_is_refused() {
        for (url, expected) in [
            ("ftp://feeds.example/", "has the scheme 'ftp'"),
            ("file:///etc/passwd", "has the scheme 'file'"),
            (
                "https://me:s3cret@feeds.example/",
                "has a user or a password in it",
            ),
            (
                "https://me@feeds.example/",
                "has a user or a password in it",
            ),
            ("feeds.example", "cannot be read"),
            ("https://s3cret:a b@/", "cannot be read"),
        ] {
            let error = Endpoint::new(url).unwrap_err();
            assert_eq!(error.kind, Kind::Endpoint);
            assert!(error.to_string().contains(expected), "{error}");
            assert!(
                !format!("{error} {error:?}").contains("s3cret"),
                "{error:?}"
            );
        }
        assert!(Proxy::new("https://proxy.example").is_err());
        assert!(Proxy::new("http://proxy.example:3128").is_ok());
    }

    #[test]
    fn nothing_secret_is_in_what_is_printed_for_debugging() {
        let mut endpoint = Endpoint::new("https://feeds.example/").unwrap();
        endpoint.identity = Some(Identity::from_pem("s3cret"));
        for credential in [
            Credential::Bearer(Secret::new("s3cret")),
            Credential::Basic {
                user: "me".into(),
                password: Secret::new("s3cret"),
            },
            Credential::Header {
                name: "x-key".into(),
                value: Secret::new("s3cret"),
            },
        ] {
            endpoint.credential = Some(credential);
            assert!(!format!("{endpoint:?}").contains("s3cret"));
        }
    }
}
