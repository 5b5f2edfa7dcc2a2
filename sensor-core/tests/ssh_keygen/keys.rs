//! Keys that ssh-keygen made, and security keys in software.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::soft::{Making, Soft};

/// Signatures that were made: by key, namespace, hash and message.
pub(crate) type Signed = BTreeMap<(String, String, &'static str, Vec<u8>), String>;

/// A key that can sign.
pub(crate) enum TestKey {
    /// Of ssh-keygen: its file, and its line.
    File(PathBuf, String),
    /// In software.
    Soft(Box<Soft>),
}

/// All of them.
pub(crate) struct Keys {
    /// Of overseers only.
    pub(crate) overseers: Vec<TestKey>,
    /// Of the other roles.
    pub(crate) others: Vec<TestKey>,
    /// Of nobody.
    pub(crate) strangers: Vec<TestKey>,
    /// RSA.
    pub(crate) rsa: TestKey,
}

impl Keys {
    /// Makes them in a folder.
    pub(crate) fn make(folder: &Path) -> Self {
        let make = |name: &str, options: &[&str]| {
            let path = folder.join(name);
            keygen(options, &path);
            TestKey::of_file(path)
        };
        let each = |name: &str, seed| {
            let mut keys = vec![
                make(&format!("{name}-ed25519"), &["-t", "ed25519"]),
                make(&format!("{name}-p256"), &["-t", "ecdsa", "-b", "256"]),
                make(&format!("{name}-p384"), &["-t", "ecdsa", "-b", "384"]),
            ];
            let soft = Soft::all(seed).map(|soft| TestKey::Soft(Box::new(soft)));
            keys.extend(soft);
            keys
        };
        Self {
            overseers: each("overseer", 1),
            others: each("other", 2),
            strangers: Soft::all(3)
                .map(|soft| TestKey::Soft(Box::new(soft)))
                .into(),
            rsa: make("rsa", &["-t", "rsa", "-b", "2048"]),
        }
    }
}

impl TestKey {
    /// Of a file that ssh-keygen made.
    pub(crate) fn of_file(path: PathBuf) -> Self {
        let output = Command::new("ssh-keygen").arg("-yf").arg(&path).output();
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        let fields: Vec<_> = text.split_whitespace().take(2).collect();
        Self::File(path, fields.join(" "))
    }

    /// `TYPE BASE64`.
    pub(crate) fn line(&self) -> String {
        match self {
            Self::File(_, line) => line.clone(),
            Self::Soft(soft) => soft.line(),
        }
    }

    /// The key in software, if it is one.
    pub(crate) fn soft(&self) -> Option<&Soft> {
        match self {
            Self::File(..) => None,
            Self::Soft(soft) => Some(soft),
        }
    }

    /// Signs, by ssh-keygen if it made the key.
    pub(crate) fn sign(
        &self,
        namespace: &str,
        hash: &'static str,
        message: &[u8],
        signed: &mut Signed,
    ) -> String {
        let name = (self.line(), namespace.to_owned(), hash, message.to_vec());
        let made = signed.entry(name).or_insert_with(|| match self {
            Self::Soft(soft) => {
                let making = Making {
                    hash,
                    ..Making::of(namespace)
                };
                soft.sign(&making, message)
            }
            Self::File(path, _) => sign(path, namespace, hash, message),
        });
        made.clone()
    }
}

/// Whether there is an ssh-keygen at all.
pub(crate) fn has_ssh_keygen() -> bool {
    let status = Command::new("ssh-keygen")
        .arg("-?")
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .status();
    status.is_ok()
}

/// Makes a key.
pub(crate) fn keygen(options: &[&str], path: &Path) {
    let status = Command::new("ssh-keygen")
        .args(options)
        .args(["-q", "-N", "", "-f"])
        .arg(path)
        .status();
    assert!(status.unwrap().success());
}

fn sign(key: &Path, namespace: &str, hash: &str, message: &[u8]) -> String {
    let mut child = Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", namespace])
        .arg(format!("-Ohashalg={hash}"))
        .arg("-f")
        .arg(key)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .env_remove("SSH_AUTH_SOCK")
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(message).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}
