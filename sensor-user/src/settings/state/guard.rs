//! What a state folder has to be before anything in it counts: its owner's alone, and without a
//! private key.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use nix::unistd::geteuid;

use super::FolderError;
use crate::capped;

/// What is said of a file with a private key.
pub(super) const PRIVATE: &str = "holds a private key: private keys never lie in the state \
    folder; move it to where its owner signs, and count it as known to whoever could read this \
    folder";

/// How much of a file is looked at for a private key, in bytes.
const HEAD: u64 = 4096;

/// Folders in folders that are looked into; nothing of the sensor's own is as deep.
const DEEPEST: u32 = 16;

/// Whether a folder is this user's alone, and itself no link.
pub(super) fn folder(path: &Path) -> Result<(), FolderError> {
    let there = path.symlink_metadata().map_err(FolderError::system(path))?;
    if !there.is_dir() {
        return Err(FolderError::NoFolder { path: path.into() });
    }
    alone(path, &there, 0o700)
}

/// Whether the folder of papers is there and this user's alone.
pub(super) fn papers(path: &Path) -> Result<(), FolderError> {
    match folder(path) {
        Err(FolderError::System { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Err(FolderError::NoPapers {
                folder: path.into(),
            })
        }
        checked => checked,
    }
}

/// Whether a file is this user's alone, and itself no link.
pub(super) fn file(path: &Path) -> Result<(), FolderError> {
    let there = path.symlink_metadata().map_err(FolderError::system(path))?;
    if !there.is_file() {
        return Err(FolderError::NoFile { path: path.into() });
    }
    alone(path, &there, 0o600)
}

fn alone(path: &Path, there: &Metadata, wanted: u32) -> Result<(), FolderError> {
    owned(path, there)?;
    let mode = there.mode() & 0o7777;
    let is_open = mode & 0o077 != 0;
    if is_open {
        return Err(FolderError::Open {
            path: path.into(),
            mode,
            wanted,
        });
    }
    Ok(())
}

/// Whether it belongs to this user, or to root, who can do all this anyway.
pub(super) fn owned(path: &Path, there: &Metadata) -> Result<(), FolderError> {
    let (owner, user) = (there.uid(), geteuid().as_raw());
    if owner == user || owner == 0 {
        return Ok(());
    }
    Err(FolderError::Owner {
        path: path.into(),
        owner,
        user,
    })
}

/// Opens a file that is one: a link is not followed, and a pipe does not keep anybody waiting.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    options.open(path)
}

/// Refuses a folder with a private key in it, at any depth and by any name.
pub(super) fn no_private_key(folder: &Path) -> Result<(), FolderError> {
    look_into(folder, DEEPEST)
}

fn look_into(folder: &Path, depth: u32) -> Result<(), FolderError> {
    for entry in fs::read_dir(folder).map_err(FolderError::system(folder))? {
        let entry = entry.map_err(FolderError::system(folder))?;
        let path = entry.path();
        // What vanishes meanwhile, or may not be read, is of no use to whoever uses this folder.
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() && depth > 0 {
            look_into(&path, depth - 1)?;
        } else if kind.is_file() && head(&path).is_ok_and(|head| is_private_key(&head)) {
            return Err(FolderError::PrivateKey { file: path });
        }
    }
    Ok(())
}

fn head(path: &Path) -> io::Result<Vec<u8>> {
    capped::read_from(open(path)?.take(HEAD), HEAD)
}

/// Whether bytes begin as a private key does: of OpenSSH, in PEM, or of `PuTTY`.
pub(super) fn is_private_key(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(usize::try_from(HEAD).unwrap_or(usize::MAX))];
    (head.split(|byte| matches!(byte, b'\n' | b'\r')))
        .map(|line| {
            line.strip_prefix(b"\xef\xbb\xbf")
                .unwrap_or(line)
                .trim_ascii()
        })
        .any(|line| {
            let is_pem = line.starts_with(b"-----BEGIN ") && line.ends_with(b"PRIVATE KEY-----");
            is_pem || line.starts_with(b"PuTTY-User-Key-File-")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_is_known_by_its_beginning() {
        for text in [
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl",
            "-----BEGIN PRIVATE KEY-----\r\nMC4C",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----",
            "-----BEGIN EC PRIVATE KEY-----\n",
            "\u{feff}\n  -----BEGIN RSA PRIVATE KEY-----  \n",
            "Bag Attributes\n    friendlyName: overseer\n-----BEGIN PRIVATE KEY-----\n",
            "PuTTY-User-Key-File-3: ssh-ed25519\n",
        ] {
            assert!(is_private_key(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "-----BEGIN SSH SIGNATURE-----\nU1NI",
            "-----BEGIN PUBLIC KEY-----\n",
            "ssh-ed25519 AAAA overseer@-----BEGIN PRIVATE KEY-----",
            "reason = \"a file began with -----BEGIN PRIVATE KEY-----\"\n",
        ] {
            assert!(!is_private_key(text.as_bytes()), "{text}");
        }
    }
}
