//! What lies in the folder: documents by hash, and signatures beside them.

use std::{collections::BTreeMap, sync::Arc};

use super::Shelf;
use crate::documents::{Digest, Folder, Paper, Principal, Refusal, Rule};

/// Between the name of a document and the principal of a signature.
const MARK: &str = ".toml.sig.";

/// The files of a folder, sorted by what they are.
pub(super) struct Index<'a> {
    pub(super) folder: &'a Folder,
    /// Documents that could be read.
    pub(super) papers: BTreeMap<Digest, Arc<Paper>>,
    /// Files of signatures, by hash.
    pub(super) signatures: BTreeMap<Digest, &'a Arc<[u8]>>,
    /// Any file, by hash.
    pub(super) files: BTreeMap<Digest, &'a Arc<[u8]>>,
    /// Which signature lies beside which document.
    pub(super) beside: Vec<Beside>,
    /// What is no document and no signature.
    pub(super) refusals: Vec<Refusal>,
}

/// A signature beside a document.
#[derive(Clone, Debug)]
pub(super) struct Beside {
    pub(super) file: String,
    pub(super) document: Digest,
    pub(super) principal: Principal,
    pub(super) signature: Digest,
}

impl<'a> Index<'a> {
    pub(super) fn of(folder: &'a Folder, cache: &mut Shelf) -> Self {
        let mut index = Self {
            folder,
            papers: BTreeMap::new(),
            signatures: BTreeMap::new(),
            files: BTreeMap::new(),
            beside: Vec::new(),
            refusals: Vec::new(),
        };
        let digests: BTreeMap<&str, Digest> = folder
            .files
            .iter()
            .map(|(name, bytes)| (name.as_str(), cache.digest(bytes)))
            .collect();
        for (name, bytes) in &folder.files {
            let digest = digests[name.as_str()];
            index.files.entry(digest).or_insert(bytes);
            if let Some((stem, signer)) = name.split_once(MARK) {
                index.signatures.entry(digest).or_insert(bytes);
                let document = digests.get(format!("{stem}.toml").as_str()).copied();
                index.place(name, document, signer, digest);
            } else if name.strip_suffix(".toml").is_some() {
                match cache.paper(name, digest, bytes) {
                    Ok(paper) => {
                        index.papers.entry(digest).or_insert(paper);
                    }
                    Err(text) => index.refuse(name, Rule::Form, text),
                }
            }
        }
        index
    }

    fn place(&mut self, file: &str, document: Option<Digest>, signer: &str, signature: Digest) {
        let principal = match Principal::of_file_name(signer) {
            Ok(principal) => principal,
            Err(error) => {
                let text = format!(
                    "the name ends with no principal: {error}; in names of files it is ROLE_NAME"
                );
                return self.refuse(file, Rule::SignatureName, text);
            }
        };
        let Some(document) = document else {
            let text = "the document of this signature is not beside it".into();
            return self.refuse(file, Rule::SignatureName, text);
        };
        self.beside.push(Beside {
            file: file.into(),
            document,
            principal,
            signature,
        });
    }

    fn refuse(&mut self, file: &str, rule: Rule, text: String) {
        let file = file.into();
        self.refusals.push(Refusal { file, rule, text });
    }
}
