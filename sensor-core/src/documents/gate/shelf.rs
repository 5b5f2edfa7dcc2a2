//! What was read and verified before, by hash: reading again gives the same.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::documents::{
    AllowedSigners, Digest, Folder, Paper, Principal, Rule, Signature, SignatureFault, StepFault,
    Time, indicators::Sets,
};

/// Bytes with their hash.
type Hashed = (Arc<[u8]>, Digest);

/// A cache. It holds nothing that a gate without it would not come to.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    /// By where the bytes lie; they are held, so nothing else comes to lie there.
    digests: HashMap<(usize, usize), Hashed>,
    papers: HashMap<Digest, Result<Arc<Paper>, String>>,
    signatures: HashMap<Digest, Result<Arc<Signature>, SignatureFault>>,
    signers: HashMap<Digest, Result<Arc<AllowedSigners>, String>>,
    /// Whether a signature fits a document.
    fits: HashMap<(Digest, Digest), Result<(), StepFault>>,
    /// Whether what a document names lies where it may, by all that it was judged by.
    pub(super) judged: HashMap<Vec<Digest>, Result<(), (Rule, String)>>,
    pub(super) sets: Sets,
}

impl Shelf {
    /// Documents that were read, in no order.
    pub fn papers(&self) -> impl Iterator<Item = &Arc<Paper>> {
        self.papers.values().flatten()
    }

    /// Forgets what it has of files that are not in this folder any more, once there are some:
    /// one that is written slowly is seen in many versions.
    pub(super) fn tidy(&mut self, folder: &Folder) {
        if self.digests.len() <= folder.files.len() + 16 {
            return;
        }
        let here: HashSet<usize> = (folder.files.values())
            .map(|bytes| bytes.as_ptr() as usize)
            .collect();
        self.digests.retain(|(at, _), _| here.contains(at));
        let live: HashSet<Digest> = self.digests.values().map(|(_, digest)| *digest).collect();
        self.papers.retain(|digest, _| live.contains(digest));
        self.signatures.retain(|digest, _| live.contains(digest));
        self.signers.retain(|digest, _| live.contains(digest));
        self.fits
            .retain(|(document, signature), _| live.contains(document) && live.contains(signature));
        self.judged
            .retain(|by, _| by.iter().all(|digest| live.contains(digest)));
        self.sets.retain(&live);
    }

    /// SHA-256 of bytes that may have been hashed before.
    pub(super) fn digest(&mut self, bytes: &Arc<[u8]>) -> Digest {
        let key = (bytes.as_ptr() as usize, bytes.len());
        let (_, digest) =
            (self.digests.entry(key)).or_insert_with(|| (bytes.clone(), Digest::of(bytes)));
        *digest
    }

    /// A document under the name it has now.
    pub(super) fn paper(
        &mut self,
        file: &str,
        digest: Digest,
        bytes: &Arc<[u8]>,
    ) -> Result<Arc<Paper>, String> {
        let read = || Paper::read(file, bytes).map(Arc::new);
        let paper = self
            .papers
            .entry(digest)
            .or_insert_with(|| read().map_err(|error| error.to_string()));
        match paper {
            // What is wrong with it is told with the name that it has.
            Err(_) => read().map_err(|error| error.to_string()),
            Ok(paper) if paper.file != file => {
                let renamed = Arc::new(Paper {
                    file: file.into(),
                    ..(**paper).clone()
                });
                *paper = renamed.clone();
                Ok(renamed)
            }
            other => other.clone(),
        }
    }

    /// A signature.
    pub(super) fn signature(
        &mut self,
        digest: Digest,
        bytes: &[u8],
    ) -> Result<Arc<Signature>, SignatureFault> {
        (self.signatures.entry(digest))
            .or_insert_with(|| Signature::read(bytes).map(Arc::new))
            .clone()
    }

    /// An `allowed_signers` file.
    pub(super) fn signers(
        &mut self,
        digest: Digest,
        bytes: &[u8],
    ) -> Result<Arc<AllowedSigners>, String> {
        (self.signers.entry(digest))
            .or_insert_with(|| {
                AllowedSigners::read(bytes)
                    .map(Arc::new)
                    .map_err(|error| error.to_string())
            })
            .clone()
    }

    /// The signature step; the cryptography comes last and is done once.
    pub(super) fn check(
        &mut self,
        signers: &AllowedSigners,
        principal: &Principal,
        paper: &Paper,
        signature: &Signature,
        at: Time,
    ) -> Result<(), StepFault> {
        let kind = paper.kind();
        signers.may_count(principal, kind, signature, at)?;
        (self.fits.entry((paper.digest, signature.digest())))
            .or_insert_with(|| signature.fits(kind, &paper.bytes))
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paper_is_made_anew_only_under_another_name() {
        let stop = b"kind = \"stop\"\nnumber = 1\nreason = \"enough\"\n";
        let (bytes, mut shelf) = (Arc::from(&stop[..]), Shelf::default());
        let digest = shelf.digest(&bytes);
        let mut named = |file: &str| shelf.paper(file, digest, &bytes).unwrap();
        let first = named("a.toml");
        assert!(Arc::ptr_eq(&named("a.toml"), &first));
        let second = named("b.toml");
        assert_eq!((&*first.file, &*second.file), ("a.toml", "b.toml"));
        assert!(Arc::ptr_eq(&named("b.toml"), &second));
        let papers: Vec<&str> = shelf.papers().map(|paper| &*paper.file).collect();
        assert_eq!(papers, ["b.toml"]);
    }

    #[test]
    fn versions_that_are_gone_are_forgotten() {
        let version = |number: u32| Arc::from(format!("# {number}\n").into_bytes());
        let here = (0..20).map(|number| (number.to_string(), version(number)));
        let (folder, mut shelf) = (
            Folder {
                files: here.collect(),
            },
            Shelf::default(),
        );
        let kept = shelf.digest(&folder.files["0"]);
        let gone: Vec<Arc<[u8]>> = (20..37).map(version).collect();
        for bytes in folder.files.values().chain(&gone) {
            let digest = shelf.digest(bytes);
            assert!(shelf.paper("a.toml", digest, bytes).is_err());
            assert!(shelf.signature(digest, bytes).is_err());
            assert!(shelf.signers(digest, bytes).is_ok());
            shelf.fits.insert((digest, kept), Ok(()));
            shelf.fits.insert((kept, digest), Ok(()));
            shelf.judged.insert(vec![kept, digest], Ok(()));
        }
        shelf.tidy(&folder);
        assert_eq!(shelf.digests.len(), 20);
        assert_eq!(shelf.papers.len(), 20);
        assert_eq!(shelf.signatures.len(), 20);
        assert_eq!(shelf.signers.len(), 20);
        assert_eq!((shelf.fits.len(), shelf.judged.len()), (39, 20));
    }
}
