//! `sekisho finding`: what an inspector found, what was answered, and that it is closed.

use std::{io::Write, path::PathBuf};

use clap::{Args, Subcommand};

use super::{
    draft::{Draft, OutputArgs, Signers},
    files, source, values,
};
use crate::{
    cli::{Exit, inputs::InputError},
    documents::{
        Body, Digest, Kind, Role, Time,
        field::{Number, Text},
        paper::{Finding, FindingKind, Step},
    },
};

/// Arguments of `sekisho finding`.
#[derive(Debug, Args)]
pub(in crate::cli) struct FindingArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Draft what was found
    #[command(after_help = "\
Example:
  sekisho finding add --number 1 --finding notice --concerns 'retention of R-1' \\
    --public 'Records were kept a day too long.' --output finding-1.toml")]
    Add(AddArgs),
    /// Draft the answer of whom it concerns
    #[command(after_help = "\
Example:
  sekisho finding answer finding-1.toml --number 2 --answer 'They are erased.' \\
    --output finding-2.toml")]
    Answer(AnswerArgs),
    /// Draft that it is closed
    #[command(after_help = "\
Example:
  sekisho finding close finding-1.toml --number 3 --public 'The records were erased.' \\
    --output finding-3.toml")]
    Close(CloseArgs),
}

#[derive(Debug, Args)]
struct AddArgs {
    #[command(flatten)]
    common: CommonArgs,

    /// What it is: inspection, notice, demand or recommendation
    #[arg(long, value_name = "KIND", value_parser = values::word::<FindingKind>)]
    finding: FindingKind,

    /// What it concerns
    #[arg(long, value_name = "TEXT", value_parser = values::value::<Text>)]
    concerns: Text,

    /// What the public may read
    #[arg(long, value_name = "TEXT", value_parser = values::value::<Text>)]
    public: Text,
}

#[derive(Debug, Args)]
struct AnswerArgs {
    /// What was found
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    common: CommonArgs,

    /// The answer
    #[arg(long, value_name = "TEXT", value_parser = values::value::<Text>)]
    answer: Text,
}

#[derive(Debug, Args)]
struct CloseArgs {
    /// What was found
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    common: CommonArgs,

    /// What the public may read
    #[arg(long, value_name = "TEXT", value_parser = values::value::<Text>)]
    public: Text,
}

#[derive(Debug, Args)]
struct CommonArgs {
    /// Number of the document; what is found, answered and closed is numbered each by itself
    #[arg(long, value_name = "N", value_parser = values::number)]
    number: Number,

    /// When it was done, in UTC; now without it
    #[arg(long, value_name = "TIME")]
    at: Option<Time>,

    #[command(flatten)]
    output: OutputArgs,
}

impl CommonArgs {
    fn finding(&self, step: Step) -> Finding {
        Finding {
            kind: Kind::Finding.name().into(),
            number: self.number,
            step,
            at: self.at.unwrap_or_else(source::now),
            finding: None,
            concerns: None,
            of: None,
            answer: None,
            public: None,
        }
    }

    fn put(&self, finding: &Finding, out: &mut dyn Write) -> anyhow::Result<Exit> {
        let signers = Signers::AnyOf(match finding.step {
            Step::Found | Step::Closed => &[Role::Inspector, Role::Overseer],
            Step::Answered => &[Role::Carrier, Role::Requester, Role::Operator],
        });
        let draft = Draft::of(finding, (Kind::Finding, self.number.0), signers)?;
        self.output.put(&draft, out)
    }
}

pub(super) fn finding(args: &FindingArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    match &args.command {
        Command::Add(args) => {
            let finding = Finding {
                finding: Some(args.finding),
                concerns: Some(args.concerns.clone()),
                public: Some(args.public.clone()),
                ..args.common.finding(Step::Found)
            };
            args.common.put(&finding, out)
        }
        Command::Answer(args) => {
            let finding = Finding {
                of: Some(found(&args.file)?),
                answer: Some(args.answer.clone()),
                ..args.common.finding(Step::Answered)
            };
            args.common.put(&finding, out)
        }
        Command::Close(args) => {
            let finding = Finding {
                of: Some(found(&args.file)?),
                public: Some(args.public.clone()),
                ..args.common.finding(Step::Closed)
            };
            args.common.put(&finding, out)
        }
    }
}

fn found(path: &std::path::Path) -> anyhow::Result<Digest> {
    let paper = files::of_kind(path, &[Kind::Finding])?;
    if let Body::Finding(Finding {
        step: Step::Found, ..
    }) = &paper.body
    {
        return Ok(paper.digest);
    }
    let text = format!(
        "{}: this is an answer or a closing; name the finding itself",
        path.display()
    );
    Err(InputError::Usage(text).into())
}
