//! What of TLS is decided once: authorities, the client certificate, versions.

use std::sync::Arc;

use rustls::{
    CertificateError, ClientConfig, Error as TlsError, RootCertStore,
    client::WantsClientCert,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use crate::{Endpoint, Error, Identity, Kind, endpoint::shown};

/// How a client speaks TLS: with its certificate to the endpoint, without it to all others.
#[derive(Clone)]
pub(super) struct Tls {
    pub(super) endpoint: Arc<ClientConfig>,
    pub(super) others: Arc<ClientConfig>,
}

impl Tls {
    pub(super) fn new(endpoint: &Endpoint) -> Result<Self, Error> {
        let url = shown(&endpoint.url);
        let roots = Arc::new(match &endpoint.roots {
            Some(pem) => given_roots(&url, pem)?,
            None => system_roots(),
        });
        let others = finish(builder(&url, &roots)?.with_no_client_auth());
        let endpoint = match &endpoint.identity {
            Some(identity) => with_identity(&url, &roots, identity)?,
            None => Arc::clone(&others),
        };
        Ok(Self { endpoint, others })
    }
}

type Builder = rustls::ConfigBuilder<ClientConfig, WantsClientCert>;

/// TLS 1.2 and 1.3 with the cipher suites that rustls holds for safe.
fn builder(url: &str, roots: &Arc<RootCertStore>) -> Result<Builder, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| {
            wrong(
                url,
                &format!("TLS cannot be set up: {error}"),
                "report this",
            )
        })?;
    Ok(builder.with_root_certificates(Arc::clone(roots)))
}

fn finish(mut config: ClientConfig) -> Arc<ClientConfig> {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

/// What the system believes in. A file that cannot be read there is passed over: the handshake
/// fails if it was the one that was needed.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn given_roots(url: &str, pem: &[u8]) -> Result<RootCertStore, Error> {
    let bad = |what: String| wrong(url, &what, "give certificates of authorities in PEM");
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate =
            certificate.map_err(|error| bad(format!("the authorities cannot be read: {error}")))?;
        roots
            .add(certificate)
            .map_err(|error| bad(format!("an authority cannot be used: {error}")))?;
    }
    if roots.is_empty() {
        return Err(bad("no certificate is among the authorities".into()));
    }
    Ok(roots)
}

fn with_identity(
    url: &str,
    roots: &Arc<RootCertStore>,
    identity: &Identity,
) -> Result<Arc<ClientConfig>, Error> {
    let bad = |what: String| {
        let advice = "give the certificate and its private key, not encrypted, in PEM";
        wrong(url, &what, advice)
    };
    let chain = CertificateDer::pem_slice_iter(identity.pem())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| bad(format!("the client certificate cannot be read: {error}")))?;
    if chain.is_empty() {
        return Err(bad("the identity has no certificate".into()));
    }
    let key = PrivateKeyDer::from_pem_slice(identity.pem())
        .map_err(|error| bad(format!("the client's key cannot be read: {error}")))?;
    let config = builder(url, roots)?
        .with_client_auth_cert(chain, key)
        .map_err(|error| bad(format!("the client certificate cannot be used: {error}")))?;
    Ok(finish(config))
}

/// What is wrong with a handshake, and the way out.
pub(super) fn explain(error: &TlsError) -> (String, &'static str) {
    let advice = match error {
        TlsError::InvalidCertificate(certificate) => match certificate {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "if the server has an authority of its own, give its certificate as a root"
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => {
                "check this machine's clock, and ask the operator of the server"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "check the host in the URL: the certificate is another's"
            }
            _ => "ask the operator of the server",
        },
        TlsError::AlertReceived(_) => {
            "the server ended the handshake: check whether it asks for a client certificate"
        }
        TlsError::InvalidMessage(_) => {
            "check scheme and port: what answers there does not speak TLS"
        }
        _ => "ask the operator of the server for TLS 1.2 or 1.3",
    };
    (format!("TLS failed: {error}"), advice)
}

fn wrong(url: &str, what: &str, advice: &str) -> Error {
    Error::new(url, Kind::Endpoint, what, advice)
}
