//! Whom a client may speak to.

use std::collections::BTreeSet;

use url::Url;

use crate::endpoint::shown;

/// Whom a client may speak to: exact names, none by default.
///
/// One rule, without exceptions: a line says scheme, host and port.
/// `feeds.example` is https on port 443 and `feeds.example:8443` https on that port;
/// `http://feeds.example` is plain http on port 80. This machine (`http://127.0.0.1:8080`) is
/// listed as any other: a redirect to it is one of the ways to make a client ask for what only
/// this machine may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    /// Scheme, host in the form of URLs, port.
    allowed: BTreeSet<(String, String, u16)>,
}

/// A line that names no host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line}: '{text}' {what}; write a name or an address, with a port if it is another: feeds.example, feeds.example:8443, or http://feeds.example for plain http"
)]
pub struct HostsError {
    /// From 1.
    pub line: usize,
    /// What stands there.
    pub text: String,
    /// What is wrong with it.
    pub what: &'static str,
}

impl Hosts {
    /// Reads a list: a host a line, comments after `#`.
    pub fn parse(text: &str) -> Result<Self, HostsError> {
        let mut allowed = BTreeSet::new();
        for (at, line) in text.lines().enumerate() {
            let entry = line.split('#').next().unwrap_or_default().trim();
            if entry.is_empty() {
                continue;
            }
            let origin = origin(entry).map_err(|what| HostsError {
                line: at + 1,
                text: crate::error::quoted(entry),
                what,
            })?;
            allowed.insert(origin);
        }
        Ok(Self { allowed })
    }

    /// Whether scheme, host and port of `url` are listed.
    pub fn allows(&self, url: &Url) -> bool {
        parts(url).is_some_and(|parts| self.allowed.contains(&parts))
    }

    /// Whether nobody is listed.
    pub fn is_empty(&self) -> bool {
        self.allowed.is_empty()
    }

    /// The line that would allow `url`.
    pub fn line_for(url: &Url) -> String {
        let port = url
            .port()
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        let host = url.host_str().unwrap_or_default();
        match url.scheme() {
            "https" => format!("{host}{port}"),
            "http" => format!("http://{host}{port}"),
            _ => shown(url),
        }
    }
}

/// What an entry says, or what is wrong with it.
fn origin(entry: &str) -> Result<(String, String, u16), &'static str> {
    if entry.contains('*') {
        return Err("has a wildcard, and hosts are listed one by one");
    }
    let url = if entry.starts_with("http://") {
        Url::parse(entry)
    } else if entry.contains("://") {
        return Err("has a scheme; https is written without one");
    } else {
        Url::parse(&format!("https://{entry}"))
    };
    let url = url.map_err(|_| "is no host")?;
    let bare = url.path() == "/" && !entry.ends_with('/');
    let alone = url.query().is_none() && url.fragment().is_none();
    if !bare || !alone || !url.username().is_empty() || url.password().is_some() {
        return Err("is more than a host");
    }
    parts(&url).ok_or("is no host")
}

fn parts(url: &Url) -> Option<(String, String, u16)> {
    let host = url.host_str()?.to_owned();
    Some((url.scheme().to_owned(), host, url.port_or_known_default()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn scheme_host_and_port_are_those_of_a_line() {
        let hosts = Hosts::parse(
            "# whom we ask\nfeeds.example # the list\n\nOther.Example:8443\nhttp://127.0.0.1:8080\n[2001:db8::1]\n",
        )
        .unwrap();
        for allowed in [
            "https://feeds.example/a",
            "https://FEEDS.example:443/",
            "https://other.example:8443/",
            "http://127.0.0.1:8080/a",
            "https://[2001:DB8::1]/",
        ] {
            assert!(hosts.allows(&url(allowed)), "{allowed}");
        }
        for refused in [
            "http://feeds.example/",
            "https://feeds.example:8443/",
            "https://feeds.example.:443/",
            "https://a.feeds.example/",
            "https://other.example/",
            "https://127.0.0.1:8080/",
            "http://127.0.0.1/",
            "http://localhost:8080/",
            "file:///feeds.example",
        ] {
            assert!(!hosts.allows(&url(refused)), "{refused}");
        }
        assert!(!Hosts::default().allows(&url("https://feeds.example/")));
        assert!(Hosts::parse("# nobody").unwrap().is_empty());
    }

    #[test]
    fn the_line_that_would_allow_a_url_does() {
        for text in [
            "https://feeds.example/a?b",
            "https://feeds.example:8443/",
            "http://feeds.example/",
            "http://[::1]:81/",
        ] {
            let line = Hosts::line_for(&url(text));
            assert!(Hosts::parse(&line).unwrap().allows(&url(text)), "{line}");
        }
    }

    #[test]
    fn a_bad_line_is_named() {
        for (entry, what) in [
            (
                "*.example",
                "has a wildcard, and hosts are listed one by one",
            ),
            (
                "https://feeds.example",
                "has a scheme; https is written without one",
            ),
            (
                "ftp://feeds.example",
                "has a scheme; https is written without one",
            ),
            ("feeds.example/list", "is more than a host"),
            ("feeds.example/", "is more than a host"),
            ("me@feeds.example", "is more than a host"),
            ("feeds.example?a", "is more than a host"),
            ("feeds example", "is no host"),
            ("feeds.example:99999", "is no host"),
            ("http://", "is no host"),
        ] {
            let error = Hosts::parse(&format!("good.example\n{entry}\n")).unwrap_err();
            assert_eq!((error.line, error.what), (2, what), "{entry}");
            assert!(error.to_string().starts_with("line 2: '"), "{error}");
        }
    }
}
