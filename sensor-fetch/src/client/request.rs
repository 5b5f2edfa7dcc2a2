//! What is sent: a GET, and to the endpoint's origin what shows who asks.

use hyper::{
    Request,
    header::{self, HeaderName, HeaderValue},
};
use url::Url;

use super::{Ask, Client, connect::basic, stream::Nothing};
use crate::{
    Credential, Error, Kind,
    endpoint::{same_origin, shown},
};

impl Client {
    /// The request for `url`; with `keeps`, the connection is to be kept.
    pub(super) fn request(
        &self,
        url: &Url,
        ask: &Ask<'_>,
        keeps: bool,
    ) -> Result<Request<Nothing>, Error> {
        let wrong = |what: String| {
            Error::new(
                &shown(url),
                Kind::Endpoint,
                what,
                "check the URL and the credential",
            )
        };
        // A proxy of plain http takes the whole URL; everybody else what is behind the host.
        let proxy = self
            .endpoint
            .proxy
            .as_ref()
            .filter(|_| url.scheme() == "http");
        let mut whole = url.clone();
        whole.set_fragment(None);
        let target = match proxy {
            Some(_) => whole.as_str(),
            None => &whole[url::Position::BeforePath..],
        };
        let port = url
            .port()
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        let mut request = Request::get(target)
            .header(
                header::HOST,
                format!("{}{port}", url.host_str().unwrap_or_default()),
            )
            .header(
                header::USER_AGENT,
                concat!("sekisho/", env!("CARGO_PKG_VERSION")),
            )
            .header(header::ACCEPT, ask.accept)
            .header(header::ACCEPT_ENCODING, "identity");
        if !keeps {
            request = request.header(header::CONNECTION, "close");
        }
        if let Some(etag) = &ask.known.etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        if let Some(date) = &ask.known.last_modified {
            request = request.header(header::IF_MODIFIED_SINCE, date);
        }
        if let Some((user, password)) = proxy.and_then(|proxy| proxy.credential.as_ref()) {
            request = request.header(
                header::PROXY_AUTHORIZATION,
                secret(url, &basic(user, password))?,
            );
        }
        if let Some(credential) = &self.endpoint.credential
            && same_origin(url, &self.endpoint.url)
        {
            let (name, value) = authorization(url, credential)?;
            request = request.header(name, value);
        }
        request
            .body(Nothing)
            .map_err(|error| wrong(format!("no request can be made of it: {error}")))
    }
}

/// The header that a credential is.
pub(super) fn authorization(
    url: &Url,
    credential: &Credential,
) -> Result<(HeaderName, HeaderValue), Error> {
    match credential {
        Credential::Basic { user, password } => {
            if user.contains(':') {
                return Err(bad_credential(url, "a user has no colon in it"));
            }
            Ok((header::AUTHORIZATION, secret(url, &basic(user, password))?))
        }
        Credential::Bearer(token) => {
            let value = format!("Bearer {}", token.reveal());
            Ok((header::AUTHORIZATION, secret(url, &value)?))
        }
        Credential::Header { name, value } => {
            let name: HeaderName = name
                .parse()
                .map_err(|_| bad_credential(url, "the header's name is none"))?;
            if RESERVED.contains(&name) {
                return Err(bad_credential(
                    url,
                    "the header is one that the request has anyway",
                ));
            }
            Ok((name, secret(url, value.reveal())?))
        }
    }
}

/// Headers that say what is asked and where a message ends.
const RESERVED: [HeaderName; 12] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::RANGE,
    header::TE,
    header::UPGRADE,
    header::PROXY_AUTHORIZATION,
];

fn secret(url: &Url, value: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| bad_credential(url, "a header cannot have it, as one with a line break"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn bad_credential(url: &Url, what: &str) -> Error {
    let advice = "check it as the provider gave it";
    Error::new(
        &shown(url),
        Kind::Endpoint,
        format!("the credential: {what}"),
        advice,
    )
}
