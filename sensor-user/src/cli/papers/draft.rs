//! Drafts: a document that was made here, where it goes, and how it is signed.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use crate::{
    cli::{Exit, inputs::InputError, printer},
    documents::{Kind, Paper, PaperError, Principal, Role, paper, sign_help},
};

/// Where a draft goes.
#[derive(Debug, Args)]
pub(super) struct OutputArgs {
    /// Write to a new file, whose name ends with .toml, instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A draft, and who signs it.
#[derive(Debug)]
pub(super) struct Draft {
    /// Its text, with a comment on the first line.
    pub(super) text: String,
    kind: Kind,
    number: u64,
    signers: Signers,
}

/// Who signs a draft.
#[derive(Clone, Debug)]
pub(super) enum Signers {
    /// This one.
    One(Principal),
    /// One of these; the first stands in the example.
    AnyOf(&'static [Role]),
    /// As many overseers as keyring or policy want.
    Overseers,
    /// Nobody: it is known by its hash.
    Nobody,
}

impl Signers {
    /// One with this role and name.
    pub(super) fn one(role: Role, name: &str) -> Self {
        let name = name.to_owned();
        Self::One(Principal { role, name })
    }

    fn sentence(&self) -> String {
        match self {
            Self::One(principal) => format!("{principal} signs it"),
            Self::AnyOf([role]) => format!("one {role} signs it"),
            Self::AnyOf(roles) => {
                let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
                format!("one {} signs it", crate::words::list(&names, "or"))
            }
            Self::Overseers => "overseers sign it, each with a key of their own".into(),
            Self::Nobody => "nobody signs the first keyring".into(),
        }
    }

    fn example(&self) -> Option<Principal> {
        let of = |role| {
            let name = "NAME".into();
            Some(Principal { role, name })
        };
        match self {
            Self::One(principal) => Some(principal.clone()),
            Self::AnyOf(roles) => of(*roles.first()?),
            Self::Overseers => of(Role::Overseer),
            Self::Nobody => None,
        }
    }
}

impl Draft {
    /// Writes a document and reads it again.
    ///
    /// # Errors
    ///
    /// What its document says of arguments that do not go together.
    pub(super) fn of(
        document: &impl Serialize,
        (kind, number): (Kind, u64),
        signers: Signers,
    ) -> Result<Self, InputError> {
        let no = |error| {
            let text = match error {
                PaperError::Line { text, .. } => text,
                other => other.to_string(),
            };
            InputError::Usage(format!("this {} would be refused: {text}", kind.name()))
        };
        let body = paper::write(document).map_err(no)?;
        let how = match signers.example() {
            Some(principal) => format!("sign: {}", sign_help(kind, &principal, "FILE", "KEY")),
            None => "known by its SHA-256".into(),
        };
        let text = format!("# {} {number} of Sekisho; {how}\n{body}", kind.name());
        Paper::read("draft", &text.as_bytes().into()).map_err(no)?;
        Ok(Self {
            text,
            kind,
            number,
            signers,
        })
    }
}

impl OutputArgs {
    /// The name under which others find the document; a stand-in for standard output.
    pub(super) fn name(&self) -> String {
        let name = self.output.as_deref().and_then(Path::file_name);
        name.map_or_else(|| "FILE.toml".into(), |name| name.display().to_string())
    }

    /// The folder that the document goes to, where it is known.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.output.as_deref().map(super::files::folder_of)
    }

    /// Refuses a name that the gate would pass over, before anything is asked of anybody.
    pub(super) fn check(&self) -> Result<(), InputError> {
        let Some(path) = &self.output else {
            return Ok(());
        };
        let shown = path.display().to_string();
        if !super::files::is_document(&shown) || shown.contains(".toml.sig.") {
            let text = format!("--output: the name of a document ends with .toml, not as {shown}");
            return Err(InputError::Usage(text));
        }
        if shown.contains(char::is_control) {
            let text = "--output: the name has control characters; give it another".into();
            return Err(InputError::Usage(text));
        }
        match path.symlink_metadata() {
            Ok(_) => Err(unwritable(path, io::ErrorKind::AlreadyExists.into())),
            Err(_) => Ok(()),
        }
    }

    /// Writes the draft, and tells how it is signed.
    pub(super) fn put(&self, draft: &Draft, out: &mut dyn Write) -> anyhow::Result<Exit> {
        self.check()?;
        let Draft {
            text,
            kind,
            number,
            signers,
        } = draft;
        let file = if let Some(path) = &self.output {
            write_new(path, text.as_bytes())?;
            path.display().to_string()
        } else {
            printer::unless_gone(write!(out, "{text}")).context("cannot print the draft")?;
            "FILE.toml".into()
        };
        let (own, sentence) = (format!("{} {number}", kind.name()), signers.sentence());
        let Some(principal) = signers.example() else {
            let digest = crate::documents::Digest::of(text.as_bytes());
            printer::note(&format!(
                "{own} is drafted; {sentence}: a sensor is set up with its SHA-256"
            ));
            printer::tell(&format!("  {digest}"));
            return Ok(Exit::Done);
        };
        let line = sign_help(*kind, &principal, &file, "KEY");
        printer::note(&format!("{own} is drafted; {sentence}:"));
        printer::tell(&format!("  {line}"));
        Ok(Exit::Done)
    }
}

/// Writes a file that was not there. A reader may see a part of it; it has no signature then.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), InputError> {
    let mut file = File::create_new(path).map_err(|source| unwritable(path, source))?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.map_err(|source| {
        // What cannot be removed either is left to whoever looks into the folder.
        let _ = fs::remove_file(path);
        unwritable(path, source)
    })
}

fn unwritable(path: &Path, source: io::Error) -> InputError {
    InputError::Output {
        path: path.into(),
        source,
    }
}
