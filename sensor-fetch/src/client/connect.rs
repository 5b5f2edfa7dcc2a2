//! A connection: addresses of a name, TCP, proxy, TLS.

use std::{io, net::SocketAddr, sync::Arc};

use base64ct::{Base64, Encoding as _};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::spawn_blocking,
    time::{Instant, timeout_at},
};
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::{Client, stream::Duplex, tls};
use crate::{
    Error, Kind, Proxy, Secret,
    endpoint::{literal, same_origin, shown},
    error::quoted,
};

/// What a proxy may answer to CONNECT, in octets.
const PROXY_HEAD: usize = 8 * 1024;

impl Client {
    /// Connects to the host of `url`, within the time for that.
    pub(super) async fn connect(&self, url: &Url) -> Result<Box<dyn Duplex>, Error> {
        let limit = self.limits.connect;
        let until = Instant::now() + limit;
        timeout_at(until, self.connect_until(url, until))
            .await
            .unwrap_or_else(|_| {
                let what = format!("no connection within {limit:?}");
                Err(unreached(url, Kind::Timeout, what))
            })
    }

    async fn connect_until(&self, url: &Url, until: Instant) -> Result<Box<dyn Duplex>, Error> {
        let proxy = self.endpoint.proxy.as_ref();
        let mut tcp = self
            .tcp(proxy.map_or(url, |proxy| &proxy.url), until)
            .await?;
        if url.scheme() == "http" {
            return Ok(Box::new(tcp));
        }
        if let Some(proxy) = proxy {
            tunnel(&mut tcp, proxy, url).await?;
        }
        // Another host, or another port of this one, sees no client certificate.
        let config = if same_origin(url, &self.endpoint.url) {
            &self.tls.endpoint
        } else {
            &self.tls.others
        };
        let tls = TlsConnector::from(Arc::clone(config))
            .connect(server_name(url)?, tcp)
            .await
            .map_err(|error| handshake(url, &error))?;
        Ok(Box::new(tls))
    }

    /// A connection to the first address that takes one; none may use up the time of the others.
    async fn tcp(&self, url: &Url, until: Instant) -> Result<TcpStream, Error> {
        let addresses = self.addresses(url).await?;
        let mut last = unreached(url, Kind::Connection, "the name has no address".into());
        let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        for address in addresses {
            let now = Instant::now();
            let share = until.saturating_duration_since(now) / left;
            left -= 1;
            last = match timeout_at(now + share, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => return Ok(tcp),
                Ok(Err(error)) => {
                    let what = format!("cannot connect to {address}: {error}");
                    unreached(url, Kind::Connection, what)
                }
                Err(_) => {
                    let what = format!("no connection to {address} within {share:?}");
                    unreached(url, Kind::Timeout, what)
                }
            };
        }
        Err(last)
    }

    async fn addresses(&self, url: &Url) -> Result<Vec<SocketAddr>, Error> {
        let port = url.port_or_known_default().unwrap_or_default();
        if let Some(address) = literal(url) {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let name = url.host_str().unwrap_or_default().to_owned();
        let world = Arc::clone(&self.world);
        // The system's resolver blocks and cannot be called off: its thread is left behind.
        spawn_blocking(move || world.resolve(&name, port))
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|error| {
                let what = format!("the name cannot be resolved: {error}");
                unreached(url, Kind::Connection, what)
            })
    }
}

fn unreached(url: &Url, kind: Kind, what: String) -> Error {
    let advice =
        "check the host, the network and the firewall; a proxy is used only where one is given";
    Error::new(&shown(url), kind, what, advice)
}

fn server_name(url: &Url) -> Result<ServerName<'static>, Error> {
    let name = match url.host() {
        Some(Host::Domain(name)) => ServerName::try_from(name.to_owned()).ok(),
        Some(Host::Ipv4(address)) => Some(ServerName::from(std::net::IpAddr::from(address))),
        Some(Host::Ipv6(address)) => Some(ServerName::from(std::net::IpAddr::from(address))),
        None => None,
    };
    name.ok_or_else(|| {
        let what = "the host is no name that a certificate can have";
        Error::new(
            &shown(url),
            Kind::Endpoint,
            what,
            "check the host in the URL",
        )
    })
}

fn handshake(url: &Url, error: &io::Error) -> Error {
    if let Some(tls) = tls_error(error) {
        let (what, advice) = tls::explain(tls);
        return Error::new(&shown(url), Kind::Tls, what, advice);
    }
    let what = format!("the connection broke in the TLS handshake: {error}");
    unreached(url, Kind::Connection, what)
}

/// What rustls found, where it is behind an error of reading or writing.
pub(super) fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// `user:password` as the headers of basic authentication have it.
pub(super) fn basic(user: &str, password: &Secret) -> String {
    let pair = format!("{user}:{}", password.reveal());
    format!("Basic {}", Base64::encode_string(pair.as_bytes()))
}

/// Asks a proxy for a connection to the host of `url`.
///
/// By hand: it is one line and its answer, and hyper would keep the connection to itself.
async fn tunnel(tcp: &mut TcpStream, proxy: &Proxy, url: &Url) -> Result<(), Error> {
    let broken = |error: io::Error| {
        let what = format!("the connection to the proxy broke: {error}");
        unreached(&proxy.url, Kind::Connection, what)
    };
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
    if let Some((user, password)) = &proxy.credential {
        request = format!(
            "{request}Proxy-Authorization: {}\r\n",
            basic(user, password)
        );
    }
    request += "\r\n";
    tcp.write_all(request.as_bytes()).await.map_err(broken)?;

    // Octet by octet, as what follows the head is the host's.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == PROXY_HEAD {
            let what = format!("the proxy's answer has more than {PROXY_HEAD} octets of headers");
            return Err(at_proxy(proxy, Kind::Protocol, what));
        }
        head.push(tcp.read_u8().await.map_err(broken)?);
    }
    match status(&head) {
        Some(200..=299) => Ok(()),
        Some(status) => {
            let what = format!("the proxy answered {status} to a connection to {host}:{port}");
            Err(at_proxy(proxy, Kind::Status(status), what))
        }
        None => {
            let line = String::from_utf8_lossy(&head);
            let line = quoted(line.lines().next().unwrap_or_default());
            Err(at_proxy(
                proxy,
                Kind::Protocol,
                format!("the proxy answered '{line}'"),
            ))
        }
    }
}

fn at_proxy(proxy: &Proxy, kind: Kind, what: String) -> Error {
    let advice = "check address and password of the proxy, and whether it allows this host";
    Error::new(&shown(&proxy.url), kind, what, advice)
}

/// The status in `HTTP/1.1 200 OK`.
fn status(head: &[u8]) -> Option<u16> {
    let line = head
        .strip_prefix(b"HTTP/1.1 ")
        .or_else(|| head.strip_prefix(b"HTTP/1.0 "))?;
    let digits = std::str::from_utf8(line.get(..3)?).ok()?;
    let ends = matches!(line.get(3), Some(b' ' | b'\r'));
    let status = digits
        .parse()
        .ok()
        .filter(|status| (100..600).contains(status));
    status.filter(|_| ends)
}
