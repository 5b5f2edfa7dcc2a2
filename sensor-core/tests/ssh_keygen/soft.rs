//! Keys in software, security keys too: they sign in every form that a test wants to see refused.

use base64ct::{Base64, Encoding as _};
use ed25519_dalek::Signer as _;
use sha2::{Digest as _, Sha256, Sha512};

/// A private key.
#[derive(Clone)]
pub(crate) enum Soft {
    /// `ssh-ed25519`.
    Ed25519(ed25519_dalek::SigningKey),
    /// `ecdsa-sha2-nistp256`.
    P256(p256::ecdsa::SigningKey),
    /// `ecdsa-sha2-nistp384`.
    P384(p384::ecdsa::SigningKey),
    /// `sk-ssh-ed25519@openssh.com`, for an application.
    SkEd25519(ed25519_dalek::SigningKey, String),
    /// `sk-ecdsa-sha2-nistp256@openssh.com`, for an application.
    SkP256(p256::ecdsa::SigningKey, String),
}

/// How a signature is made; as ssh-keygen and a touched security key make it unless told.
#[derive(Clone, Debug)]
pub(crate) struct Making {
    /// Before the version.
    pub(crate) magic: &'static [u8],
    /// Of the form.
    pub(crate) version: u32,
    /// Of the signature.
    pub(crate) namespace: String,
    /// In the signature, but not signed.
    pub(crate) reserved: &'static [u8],
    /// What the message is hashed with.
    pub(crate) hash: &'static str,
    /// The algorithm, if it is not that of the key.
    pub(crate) algorithm: Option<&'static str>,
    /// What the security key is told to sign for, if it is not what the key says.
    pub(crate) application: Option<&'static str>,
    /// What the security key says of itself: bit 0 is the touch.
    pub(crate) flags: u8,
    /// How often it has signed.
    pub(crate) counter: u32,
    /// Zeros before the numbers of ECDSA.
    pub(crate) zeros: usize,
    /// Adds the order of the group to the second number of ed25519.
    pub(crate) is_beyond: bool,
    /// Behind the numbers.
    pub(crate) inside: &'static [u8],
    /// Behind the last part.
    pub(crate) behind: &'static [u8],
    /// Base64 digits in a line.
    pub(crate) columns: usize,
}

/// The order of the group of ed25519, little-endian (RFC 8032, section 5.1).
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

impl Making {
    /// For a namespace.
    pub(crate) fn of(namespace: &str) -> Self {
        Self {
            magic: b"SSHSIG",
            version: 1,
            namespace: namespace.into(),
            reserved: b"",
            hash: "sha512",
            algorithm: None,
            application: None,
            flags: 1,
            counter: 7,
            zeros: 0,
            is_beyond: false,
            inside: b"",
            behind: b"",
            columns: 70,
        }
    }
}

impl Soft {
    /// One of each type, the same for the same seed.
    pub(crate) fn all(seed: u8) -> [Self; 5] {
        let ed25519 = |kind: u8| {
            let secret: [u8; 32] = Sha256::digest([seed, kind]).into();
            ed25519_dalek::SigningKey::from_bytes(&secret)
        };
        let p256 = |kind: u8| {
            let secret = Sha256::digest([seed, kind]);
            p256::ecdsa::SigningKey::from_bytes(&secret).expect("less than the order")
        };
        let secret = &Sha512::digest([seed, 2])[..48];
        let p384 = p384::ecdsa::SigningKey::from_slice(secret).expect("less than the order");
        [
            Self::Ed25519(ed25519(0)),
            Self::P256(p256(1)),
            Self::P384(p384),
            Self::SkEd25519(ed25519(3), "ssh:".into()),
            Self::SkP256(p256(4), "ssh:sekisho".into()),
        ]
    }

    /// The type, as in a line.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "ssh-ed25519",
            Self::P256(_) => "ecdsa-sha2-nistp256",
            Self::P384(_) => "ecdsa-sha2-nistp384",
            Self::SkEd25519(..) => "sk-ssh-ed25519@openssh.com",
            Self::SkP256(..) => "sk-ecdsa-sha2-nistp256@openssh.com",
        }
    }

    /// The public key as bytes.
    pub(crate) fn blob(&self) -> Vec<u8> {
        let mut out = string(self.type_name().as_bytes());
        match self {
            Self::Ed25519(key) | Self::SkEd25519(key, _) => {
                out.extend(string(key.verifying_key().as_bytes()));
            }
            Self::P256(key) | Self::SkP256(key, _) => {
                out.extend(string(b"nistp256"));
                let point = key.verifying_key().to_encoded_point(false);
                out.extend(string(point.as_bytes()));
            }
            Self::P384(key) => {
                out.extend(string(b"nistp384"));
                let point = key.verifying_key().to_encoded_point(false);
                out.extend(string(point.as_bytes()));
            }
        }
        if let Self::SkEd25519(_, application) | Self::SkP256(_, application) = self {
            out.extend(string(application.as_bytes()));
        }
        out
    }

    /// The public key as in a line.
    pub(crate) fn line(&self) -> String {
        line(&self.blob())
    }

    /// Signs a message.
    pub(crate) fn sign(&self, making: &Making, message: &[u8]) -> String {
        let hashed = match making.hash {
            "sha256" => Sha256::digest(message).to_vec(),
            _ => Sha512::digest(message).to_vec(),
        };
        let namespace = string(making.namespace.as_bytes());
        let hash = string(making.hash.as_bytes());
        let signed = [b"SSHSIG".as_slice(), &namespace, &string(b""), &hash].concat();
        let signed = [signed, string(&hashed)].concat();
        let parts = [
            making.magic,
            &making.version.to_be_bytes(),
            &string(&self.blob()),
            &namespace,
            &string(making.reserved),
            &hash,
            &string(&self.proof(making, &signed)),
            making.behind,
        ];
        armored(&parts.concat(), making.columns)
    }

    fn proof(&self, making: &Making, signed: &[u8]) -> Vec<u8> {
        let mut device = vec![making.flags];
        device.extend(making.counter.to_be_bytes());
        let of_device = |application: &str| {
            let application = making.application.unwrap_or(application);
            let application = Sha256::digest(application);
            [&application[..], &device, &Sha256::digest(signed)].concat()
        };
        let ed25519 = |key: &ed25519_dalek::SigningKey, signed: &[u8]| {
            let mut numbers = key.sign(signed).to_bytes();
            if making.is_beyond {
                add(&mut numbers[32..], &ORDER);
            }
            numbers.to_vec()
        };
        let ecdsa = |numbers: &[u8]| {
            let (first, second) = numbers.split_at(numbers.len() / 2);
            [integer(first, making.zeros), integer(second, making.zeros)].concat()
        };
        let p256 = |key: &p256::ecdsa::SigningKey, signed: &[u8]| {
            let made: p256::ecdsa::Signature = key.sign(signed);
            ecdsa(&made.to_bytes())
        };
        let (mut numbers, is_sk) = match self {
            Self::Ed25519(key) => (ed25519(key, signed), false),
            Self::P256(key) => (p256(key, signed), false),
            Self::P384(key) => {
                let made: p384::ecdsa::Signature = key.sign(signed);
                (ecdsa(&made.to_bytes()), false)
            }
            Self::SkEd25519(key, application) => (ed25519(key, &of_device(application)), true),
            Self::SkP256(key, application) => (p256(key, &of_device(application)), true),
        };
        numbers.extend(making.inside);
        let algorithm = making.algorithm.unwrap_or(self.type_name());
        let mut out = [string(algorithm.as_bytes()), string(&numbers)].concat();
        if is_sk {
            out.extend(device);
        }
        out
    }
}

/// A key line of some bytes.
pub(crate) fn line(blob: &[u8]) -> String {
    let length = usize::from(*blob.get(3).unwrap_or(&0));
    let name = String::from_utf8_lossy(&blob[4..4 + length]);
    format!("{name} {}", Base64::encode_string(blob))
}

/// A string of the SSH protocols.
pub(crate) fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("short");
    [&length.to_be_bytes(), bytes].concat()
}

/// The lines of a signature.
pub(crate) fn armored(blob: &[u8], columns: usize) -> String {
    let mut out = String::from("-----BEGIN SSH SIGNATURE-----\n");
    for digits in Base64::encode_string(blob).as_bytes().chunks(columns) {
        out.push_str(&String::from_utf8_lossy(digits));
        out.push('\n');
    }
    out + "-----END SSH SIGNATURE-----\n"
}

fn integer(bytes: &[u8], zeros: usize) -> Vec<u8> {
    let start = bytes.iter().take_while(|byte| **byte == 0).count();
    let bytes = &bytes[start..];
    let sign = usize::from(bytes.first().is_some_and(|first| *first >= 0x80));
    string(&[vec![0; sign + zeros], bytes.to_vec()].concat())
}

fn add(number: &mut [u8], other: &[u8; 32]) {
    let mut carry = 0;
    for (byte, other) in number.iter_mut().zip(other) {
        let sum = u16::from(*byte) + u16::from(*other) + carry;
        *byte = (sum & 0xff) as u8;
        carry = sum >> 8;
    }
}
