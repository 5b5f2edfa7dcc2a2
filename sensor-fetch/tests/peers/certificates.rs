//! Certificates, good and bad, made once.

use std::sync::{Arc, LazyLock};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};

/// What a server shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shows {
    /// A certificate for its names, of the authority that tests believe.
    Good,
    /// The same, and asks for a client certificate.
    Asks,
    SelfSigned,
    OtherName,
    Expired,
    NotYet,
    UnknownRoot,
}

/// The names of a good certificate.
const NAMES: [&str; 5] = [
    "feed.test",
    "other.test",
    "localhost",
    "127.0.0.1",
    "second.test",
];

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn signs(&self, params: &CertificateParams) -> (CertificateDer<'static>, KeyPair) {
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap().into(), key)
    }
}

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| Authority::new("tests"));

/// The authority that tests believe, as PEM.
pub(crate) fn roots() -> Vec<u8> {
    AUTHORITY.0.pem().into_bytes()
}

/// A client certificate of that authority with its key, as PEM.
pub(crate) fn identity() -> Vec<u8> {
    let params = CertificateParams::new(vec!["sensor.test".to_owned()]).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &AUTHORITY.0).unwrap();
    (certificate.pem() + &key.serialize_pem()).into_bytes()
}

/// How a server of this kind speaks TLS.
pub(crate) fn server(shows: Shows) -> Arc<ServerConfig> {
    let names: Vec<String> = match shows {
        Shows::OtherName => vec!["somebody-else.test".to_owned()],
        _ => NAMES.map(str::to_owned).to_vec(),
    };
    let mut params = CertificateParams::new(names).unwrap();
    match shows {
        Shows::Expired => {
            params.not_before = date_time_ymd(2000, 1, 1);
            params.not_after = date_time_ymd(2001, 1, 1);
        }
        Shows::NotYet => params.not_before = date_time_ymd(4000, 1, 1),
        _ => {}
    }
    let (certificate, key) = match shows {
        Shows::SelfSigned => {
            let key = KeyPair::generate().unwrap();
            (params.self_signed(&key).unwrap().into(), key)
        }
        Shows::UnknownRoot => Authority::new("somebody").signs(&params),
        _ => AUTHORITY.signs(&params),
    };
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if shows == Shows::Asks {
        let mut roots = RootCertStore::empty();
        roots.add(AUTHORITY.0.der().clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    Arc::new(builder.with_single_cert(vec![certificate], key).unwrap())
}
