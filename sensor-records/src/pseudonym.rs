//! Pseudonyms of domestic addresses: `ipcrypt-deterministic`, with a key for each approval.
//!
//! The scheme is AES-128 over the 16 bytes of an address (IPv4 in its mapped form), as
//! draft-denis-ipcrypt describes it. Under one approval an address always has the same pseudonym,
//! so that its flows can be told to belong together; under another it has another. Who destroys
//! the key of an approval has erased every domestic address in its records.

use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, DirBuilder, File},
    io::{self, Read as _, Write as _},
    net::IpAddr,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use ipcrypt_rs::Ipcrypt;
use nix::unistd::geteuid;
use sensor_core::{capped, watchlist::ApprovalId};
use thiserror::Error;

use crate::{Address, Endpoint};

/// Bytes of a key.
const KEY: usize = Ipcrypt::KEY_BYTES;

/// The longest file that may hold one: its digits, and an end of the line.
const LONGEST: u64 = 2 * KEY as u64 + 2;

/// How the text of a pseudonym begins: nobody can take it for an address.
const PREFIX: &str = "pseudonym:";

/// What stands for a domestic address under one approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pseudonym(pub [u8; 16]);

impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::str::FromStr for Pseudonym {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix(PREFIX).and_then(bytes);
        Ok(Self(digits.ok_or(
            "a pseudonym is 'pseudonym:' and 32 hexadecimal digits in lower case",
        )?))
    }
}

/// Why there is no key.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The system refused.
    #[error("the key for pseudonyms {path}: {source}", path = .path.display())]
    System {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others could read it.
    #[error(
        "the key for pseudonyms {path}: {why}; let it belong to the user who runs the sensor, and \
         to nobody else (chmod {mode} {path})", path = .path.display()
    )]
    Exposed {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        why: &'static str,
        /// The mode it should have.
        mode: &'static str,
    },
    /// It is none.
    #[error(
        "the key for pseudonyms {path}: it is not 32 hexadecimal digits on a line; put back what \
         stood there, or move it away, and addresses have other pseudonyms from then on",
        path = .path.display()
    )]
    NoKey {
        /// The file.
        path: PathBuf,
    },
}

/// Where keys come from.
#[derive(Debug)]
enum Source {
    Nowhere,
    Run,
    Folder(PathBuf),
}

/// Gives domestic addresses their pseudonyms.
pub struct Pseudonyms {
    source: Source,
    keys: BTreeMap<ApprovalId, Ipcrypt>,
    /// For what is under way.
    seal: Option<Ipcrypt>,
}

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let approvals: Vec<_> = self.keys.keys().collect();
        (f.debug_struct("Pseudonyms").field("source", &self.source))
            .field("approvals", &approvals)
            .finish_non_exhaustive()
    }
}

impl Pseudonyms {
    /// Withholds domestic addresses.
    pub const fn none() -> Self {
        Self::of(Source::Nowhere)
    }

    /// With keys that nobody keeps: pseudonyms mean something within one run.
    pub const fn of_this_run() -> Self {
        Self::of(Source::Run)
    }

    /// With keys in a folder, a file for each approval, made where there is none.
    pub fn in_folder(folder: &Path) -> Result<Self, KeyError> {
        let system = |source| KeyError::System {
            path: folder.into(),
            source,
        };
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(system)?;
        is_ours(folder, &fs::metadata(folder).map_err(system)?, "700")?;
        Ok(Self::of(Source::Folder(folder.into())))
    }

    const fn of(source: Source) -> Self {
        Self {
            source,
            keys: BTreeMap::new(),
            seal: None,
        }
    }

    /// Makes the key of an approval ready. When this returns, one in a folder is on the disk.
    pub fn prepare(&mut self, approval: &ApprovalId) -> Result<(), KeyError> {
        if self.keys.contains_key(approval) {
            return Ok(());
        }
        let key = match &self.source {
            Source::Run => random().map_err(|source| KeyError::System {
                path: RANDOM.into(),
                source,
            })?,
            Source::Folder(folder) if is_file_name(&approval.0) => kept(folder, &approval.0)?,
            // A name that is none of a file is that of an approval of a run whose names are lost.
            Source::Nowhere | Source::Folder(_) => return Ok(()),
        };
        self.keys.insert(approval.clone(), Ipcrypt::new(key));
        Ok(())
    }

    /// Makes the key ready that domestic addresses of flows under way are sealed with: these are
    /// under several approvals yet, each of which will have a pseudonym of its own.
    pub fn prepare_seal(&mut self) -> Result<(), KeyError> {
        if self.seal.is_some() {
            return Ok(());
        }
        let key = match &self.source {
            Source::Run => random().map_err(|source| KeyError::System {
                path: RANDOM.into(),
                source,
            })?,
            Source::Folder(folder) => kept(folder, UNDER_WAY)?,
            Source::Nowhere => return Ok(()),
        };
        self.seal = Some(Ipcrypt::new(key));
        Ok(())
    }

    /// Seals an address; `None` without a key.
    pub fn seal(&self, mut address: [u8; 16]) -> Option<[u8; 16]> {
        self.seal.as_ref()?.encrypt_ip16(&mut address);
        Some(address)
    }

    /// Opens what was sealed; `None` without a key.
    pub fn open(&self, mut sealed: [u8; 16]) -> Option<[u8; 16]> {
        self.seal.as_ref()?.decrypt_ip16(&mut sealed);
        Some(sealed)
    }

    /// Forgets keys of approvals that are not named.
    pub fn keep_only(&mut self, approvals: impl Fn(&ApprovalId) -> bool) {
        self.keys.retain(|approval, _| approvals(approval));
    }

    /// The address as it may be kept under an approval; one without a key is withheld.
    pub fn address(&self, approval: &ApprovalId, end: Endpoint) -> Address {
        match (end, self.keys.get(approval)) {
            (Endpoint::Foreign(address), _) => Address::Foreign(address),
            (Endpoint::Domestic(_), None) => Address::Withheld,
            (Endpoint::Domestic(address), Some(key)) => {
                let mut bytes = match address {
                    IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                    IpAddr::V6(address) => address.octets(),
                };
                key.encrypt_ip16(&mut bytes);
                Address::Pseudonym(Pseudonym(bytes))
            }
        }
    }
}

/// The name of the key that seals; none of an approval, which begin otherwise.
const UNDER_WAY: &str = ".under-way";

/// Where random bytes come from.
const RANDOM: &str = "/dev/urandom";

fn random() -> io::Result<[u8; KEY]> {
    let mut key = [0; KEY];
    File::open(RANDOM)?.read_exact(&mut key)?;
    Ok(key)
}

/// Whether an approval's name may be the name of a file.
fn is_file_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !name.starts_with('.') && !name.is_empty() && name.len() <= 200 && name.bytes().all(plain)
}

/// The key in a file, made where there is none.
fn kept(folder: &Path, approval: &str) -> Result<[u8; KEY], KeyError> {
    let path = folder.join(format!("{approval}.key"));
    let system = |source| KeyError::System {
        path: path.clone(),
        source,
    };
    match fs::symlink_metadata(&path) {
        Ok(found) => is_ours(&path, &found, "600")?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(folder, &path, approval).map_err(system)?;
        }
        Err(error) => return Err(system(error)),
    }
    let text = capped::read(&path, LONGEST).map_err(system)?;
    let text = std::str::from_utf8(&text).ok();
    let key = text.and_then(|text| bytes(text.strip_suffix('\n').unwrap_or(text)));
    key.ok_or(KeyError::NoKey { path })
}

/// Writes a new key. It is there whole or not at all, and never in the place of another.
fn make(folder: &Path, path: &Path, approval: &str) -> io::Result<()> {
    let new = folder.join(format!(".{approval}.new"));
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut options = File::options();
    let mut file = (options.write(true).create_new(true).mode(0o600)).open(&new)?;
    for byte in random()? {
        write!(file, "{byte:02x}")?;
    }
    file.write_all(b"\n")?;
    file.sync_all()?;
    let linked = fs::hard_link(&new, path);
    fs::remove_file(&new)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    File::open(folder)?.sync_all()
}

fn is_ours(path: &Path, found: &fs::Metadata, mode: &'static str) -> Result<(), KeyError> {
    let exposed = |why| KeyError::Exposed {
        path: path.into(),
        why,
        mode,
    };
    if found.file_type().is_symlink() {
        return Err(exposed("it is a symbolic link"));
    }
    if found.uid() != geteuid().as_raw() {
        return Err(exposed("it belongs to somebody else"));
    }
    if found.mode() & 0o077 != 0 {
        return Err(exposed("others may read or change it"));
    }
    Ok(())
}

/// Sixteen bytes of 32 hexadecimal digits.
fn bytes(text: &str) -> Option<[u8; 16]> {
    let is_digits = text.len() == 32
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let number = u128::from_str_radix(text, 16).ok();
    number.filter(|_| is_digits).map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests;
