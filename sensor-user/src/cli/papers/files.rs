//! Documents from files, with what lies beside them.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    capped,
    cli::inputs::InputError,
    documents::{
        Body, Folder, Gate, Kind, Paper, Refusal, RequestHeld, Shelf,
        paper::{Feed, Request},
    },
    places::territory,
    settings::state,
};

/// More files than anybody puts into a folder of papers.
const MOST: usize = 100_000;

/// Reads a document.
pub(super) fn paper(path: &Path) -> anyhow::Result<Paper> {
    let bytes = bytes(path)?;
    Ok(Paper::read(&path.display().to_string(), &bytes)?)
}

/// Reads a document of one of these kinds.
pub(super) fn of_kind(path: &Path, kinds: &[Kind]) -> anyhow::Result<Paper> {
    let paper = paper(path)?;
    if kinds.contains(&paper.kind()) {
        return Ok(paper);
    }
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
    let text = format!(
        "{}: this is a document of the kind '{}'; name one of the kind {}",
        path.display(),
        paper.kind().name(),
        crate::words::list(&names, "or")
    );
    Err(InputError::Usage(text).into())
}

/// The bytes of a document, a signature or a feed.
pub(super) fn bytes(path: &Path) -> Result<Arc<[u8]>, InputError> {
    let unreadable = |source| InputError::Paper {
        path: path.into(),
        source,
    };
    if path.is_dir() {
        return Err(unreadable(io::ErrorKind::IsADirectory.into()));
    }
    let bytes = capped::read(path, territory::LARGEST).map_err(unreadable)?;
    Ok(bytes.into())
}

/// Whether a name is that of a document: the gate passes over every other.
pub(super) fn is_document(name: &str) -> bool {
    name.strip_suffix(".toml").is_some()
}

/// The name of a file without its folder.
pub(super) fn name(path: &Path) -> Result<String, InputError> {
    let name = path.file_name().and_then(OsStr::to_str);
    name.map(str::to_owned).ok_or_else(|| {
        let text = format!("{}: the name of a paper is UTF-8", path.display());
        InputError::Usage(text)
    })
}

/// The folder that a file is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// All files of a folder but those that the sensor passes over.
pub(super) fn folder(path: &Path) -> Result<Folder, InputError> {
    let mut folder = Folder::default();
    for file in list(path)? {
        folder.files.insert(name(&file)?, bytes(&file)?);
    }
    Ok(folder)
}

/// Their paths, sorted.
pub(super) fn list(path: &Path) -> Result<Vec<PathBuf>, InputError> {
    let unreadable = |source| InputError::Paper {
        path: path.into(),
        source,
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let is_passed_over = entry.file_name().to_str().is_some_and(state::is_ignored);
        if !is_passed_over && entry.path().is_file() {
            files.push(entry.path());
        }
        if files.len() > MOST {
            return Err(unreadable(io::Error::other(format!(
                "holds more than {MOST} files; name a folder of papers"
            ))));
        }
    }
    files.sort();
    Ok(files)
}

/// The file of a feed where its document looks for it.
pub(super) fn feed_path(folder: &Path, feed: &Feed) -> Option<PathBuf> {
    let file: &str = &feed.file;
    // A name with a folder in it is looked for by no gate.
    (Path::new(file).file_name() == Some(OsStr::new(file))).then(|| folder.join(file))
}

/// A request, with its feed and its parent from a folder as far as they are there.
pub(super) fn request(path: &Path, beside: Option<&Path>) -> anyhow::Result<Asked> {
    let read = of_kind(path, &[Kind::Request])?;
    let beside = beside.unwrap_or_else(|| folder_of(path));
    let Body::Request(request) = &read.body else {
        let text = format!("{}: this is no request", path.display());
        return Err(InputError::Usage(text).into());
    };
    let mut folder = Folder::default();
    if request.parent.is_some() {
        let is_document = |file: &PathBuf| file.extension() == Some(OsStr::new("toml"));
        for file in list(beside)?.into_iter().filter(is_document) {
            take(&mut folder, &file, beside)?;
        }
    }
    let file = name(path)?;
    folder.files.insert(file.clone(), read.bytes.clone());
    take_feed(&mut folder, request, beside)?;
    let held = Gate::asked(&folder, &mut Shelf::default(), &file);
    Ok(Asked {
        request: request.clone(),
        paper: read,
        folder,
        held,
    })
}

/// A request from a file, and what came of reading what it names.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: Arc<Request>,
    pub(super) paper: Paper,
    /// The request and what lies beside it.
    pub(super) folder: Folder,
    /// With its indicators, or why there are none.
    pub(super) held: Result<RequestHeld, Refusal>,
}

impl Asked {
    /// With its indicators.
    ///
    /// # Errors
    ///
    /// Where its feed is not there or another one, or it is not as its parent.
    pub(super) fn held(&self) -> Result<&RequestHeld, InputError> {
        let refused = |refusal: &Refusal| InputError::Papers(refusal.to_string());
        self.held.as_ref().map_err(refused)
    }
}

/// Takes a document with the feed it names.
fn take(folder: &mut Folder, file: &Path, beside: &Path) -> Result<(), InputError> {
    let bytes = bytes(file)?;
    let name = name(file)?;
    if let Ok(paper) = Paper::read(&name, &bytes)
        && let Body::Request(request) = &paper.body
    {
        take_feed(folder, request, beside)?;
    }
    folder.files.insert(name, bytes);
    Ok(())
}

fn take_feed(folder: &mut Folder, request: &Request, beside: &Path) -> Result<(), InputError> {
    let path = (request.feed.as_ref()).and_then(|feed| feed_path(beside, feed));
    if let Some(path) = path.filter(|path| path.is_file()) {
        folder.files.insert(name(&path)?, bytes(&path)?);
    }
    Ok(())
}
