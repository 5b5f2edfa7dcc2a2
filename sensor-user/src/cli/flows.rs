//! `sekisho flows`: what the store has of flows, for people and for programs.

mod asked;
mod csv;
mod json;
mod table;

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;

use self::asked::{FilterArgs, GroupKey, SortKey};
use super::{Exit, inputs::InputError, printer};
use crate::{
    documents::Time,
    exporters::parquet,
    records::query::{Conversation, Filter, Group, GroupBy, Groups, Kept, Key, Reader, Sort},
    settings::state,
    words,
};

/// Where the store of a sensor under papers is, in its state folder.
const STORE: &str = "records";

/// Arguments of `sekisho flows`.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the command line"
)]
#[command(after_help = "\
Examples:
  sekisho flows --from -1h --address 192.0.2.0/24
  sekisho flows --group-by indicator --limit 10
  sekisho flows --from 2026-11-01T00:00:00Z --parquet november.parquet")]
pub(super) struct FlowsArgs {
    /// State folder of a sensor; its store is read, also while it records
    #[arg(long, value_name = "DIR", default_value = state::DEFAULT_FOLDER)]
    state: PathBuf,

    /// Folder of a store, wherever it is
    #[arg(long, value_name = "DIR", conflicts_with = "state")]
    store: Option<PathBuf>,

    #[command(flatten)]
    filter: FilterArgs,

    /// Order: the latest or largest first; as they were stored without it
    #[arg(long, value_name = "KEY", value_enum)]
    sort: Option<SortKey>,

    /// The earliest or smallest first
    #[arg(long, requires = "sort")]
    ascending: bool,

    /// Print so many at most
    #[arg(long, value_name = "N")]
    limit: Option<u64>,

    /// Print sums by this; a flow counts once, whatever the number of its approvals
    #[arg(long, value_name = "KEY", value_enum)]
    group_by: Option<GroupKey>,

    /// Show the two directions of a conversation as one
    #[arg(long, conflicts_with_all = ["group_by", "parquet"])]
    biflow: bool,

    /// Print an object a line
    #[arg(long, conflicts_with_all = ["csv", "parquet"])]
    json: bool,

    /// Print CSV with a header
    #[arg(long, conflicts_with = "parquet")]
    csv: bool,

    /// Write a new Parquet file, instead of printing
    #[arg(long, value_name = "FILE", conflicts_with = "group_by")]
    parquet: Option<PathBuf>,
}

/// How it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Table,
    Json,
    Csv,
}

pub(super) fn flows(args: &FlowsArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let filter = args.filter.filter(Time::of(Timestamp::now()))?;
    args.check()?;
    let folder = match &args.store {
        Some(folder) => folder.clone(),
        None => args.state.join(STORE),
    };
    let mut reader = Reader::open(&folder)?;
    let cut = reader.not_whole(&filter)?;
    for kept in &cut {
        printer::note(&not_whole(kept));
    }
    let mut out = BufWriter::new(out);
    let printed = match (&args.parquet, args.group_by) {
        (Some(path), _) => return args.write_parquet(&mut reader, &filter, path),
        (None, Some(by)) => args.print_groups(&mut reader, &filter, by, &mut out),
        (None, None) if args.biflow => args.print_conversations(&mut reader, &filter, &mut out),
        (None, None) => args.print_rows(&mut reader, &filter, &cut, &mut out),
    };
    let written = match printed {
        Ok(()) => out.flush().map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    match written {
        // Whoever reads it may have read enough.
        Err(error) if is_gone(&error) => Ok(Exit::Done),
        Err(error) => Err(error.context("cannot print the flows")),
        Ok(()) => Ok(Exit::Done),
    }
}

fn is_gone(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn not_whole(kept: &Kept) -> String {
    let Kept {
        approval,
        whole_from,
    } = kept;
    format!(
        "approval {approval}: flows that ended before {} may be kept no longer",
        words::timestamp(*whole_from)
    )
}

impl FlowsArgs {
    const fn form(&self) -> Form {
        match (self.json, self.csv) {
            (true, _) => Form::Json,
            (false, true) => Form::Csv,
            (false, false) => Form::Table,
        }
    }

    /// Orders that mean nothing are refused before anything is read.
    fn check(&self) -> Result<(), InputError> {
        let refused = match (self.sort, self.group_by) {
            (Some(SortKey::Flows), None) if !self.biflow => {
                "--sort flows is about sums; it needs --group-by or --biflow"
            }
            (Some(SortKey::Start | SortKey::End), Some(by)) if !by.is_time() => {
                "sums have no time; --sort flows, packets or octets"
            }
            _ => return Ok(()),
        };
        Err(InputError::Usage(refused.into()))
    }

    fn order(&self) -> Option<Sort> {
        let by = self.sort?.of_rows()?;
        Some(Sort {
            by,
            descending: !self.ascending,
        })
    }

    fn print_rows(
        &self,
        reader: &mut Reader,
        filter: &Filter,
        cut: &[Kept],
        out: &mut dyn Write,
    ) -> anyhow::Result<()> {
        let (sort, limit) = (self.order(), self.limit);
        match self.form() {
            Form::Table => {
                let rows = reader.rows(filter, sort, limit)?;
                table::rows(&rows, limit, out)?;
            }
            Form::Json => {
                for kept in cut {
                    json::kept(kept, out)?;
                }
                reader.each(filter, sort, limit, |row| {
                    json::row(&row, out).map_err(anyhow::Error::from)
                })?;
            }
            Form::Csv => {
                csv::header(out)?;
                reader.each(filter, sort, limit, |row| {
                    csv::row(&row, out).map_err(anyhow::Error::from)
                })?;
            }
        }
        Ok(())
    }

    fn print_groups(
        &self,
        reader: &mut Reader,
        filter: &Filter,
        by: GroupKey,
        out: &mut dyn Write,
    ) -> anyhow::Result<()> {
        let mut groups = reader.groups(filter, by.of_rows())?;
        self.arrange(&mut groups, by.of_rows());
        match self.form() {
            Form::Table => table::groups(&groups, by, out)?,
            Form::Json => json::groups(&groups, by, out)?,
            Form::Csv => csv::groups(&groups, by, out)?,
        }
        Ok(())
    }

    /// The largest first, or times in their order; what is equal, by its key.
    fn arrange(&self, groups: &mut Groups, by: GroupBy) {
        let key = match self.sort {
            Some(key) => key,
            None if matches!(by, GroupBy::Time(_)) => SortKey::Start,
            None => SortKey::Octets,
        };
        let value = |group: &Group| match key {
            SortKey::Flows => group.flows,
            SortKey::Packets => group.packets,
            SortKey::Octets => group.octets,
            SortKey::Start | SortKey::End => match group.key {
                Key::Time(begin) => begin,
                _ => 0,
            },
        };
        groups.groups.sort_by(|one, other| one.key.cmp(&other.key));
        let is_ascending = match self.sort {
            Some(_) => self.ascending,
            None => matches!(by, GroupBy::Time(_)),
        };
        if is_ascending {
            groups.groups.sort_by_key(value);
        } else {
            groups
                .groups
                .sort_by_key(|group| std::cmp::Reverse(value(group)));
        }
        groups.groups.truncate(length(self.limit));
    }

    fn print_conversations(
        &self,
        reader: &mut Reader,
        filter: &Filter,
        out: &mut dyn Write,
    ) -> anyhow::Result<()> {
        let mut conversations = reader.conversations(filter)?;
        if let Some(key) = self.sort {
            let value = |one: &Conversation| match key {
                SortKey::Start => one.start,
                SortKey::End => one.end,
                SortKey::Flows => one.forward.flows.saturating_add(one.reverse.flows),
                SortKey::Packets => one.forward.packets.saturating_add(one.reverse.packets),
                SortKey::Octets => one.forward.octets.saturating_add(one.reverse.octets),
            };
            if self.ascending {
                conversations.sort_by_key(value);
            } else {
                conversations.sort_by_key(|one| std::cmp::Reverse(value(one)));
            }
        }
        conversations.truncate(length(self.limit));
        match self.form() {
            Form::Table => table::conversations(&conversations, out)?,
            Form::Json => json::conversations(&conversations, out)?,
            Form::Csv => csv::conversations(&conversations, out)?,
        }
        Ok(())
    }

    fn write_parquet(
        &self,
        reader: &mut Reader,
        filter: &Filter,
        path: &Path,
    ) -> anyhow::Result<Exit> {
        let failed = |source| InputError::Output {
            path: path.into(),
            source,
        };
        let mut options = File::options();
        let file = options.write(true).create_new(true).mode(0o600).open(path);
        let mut writer = parquet::Writer::new(file.map_err(failed)?)?;
        reader.each(filter, self.order(), self.limit, |row| {
            writer.add(row).map_err(anyhow::Error::from)
        })?;
        let rows = writer.finish().context("the Parquet file is incomplete")?;
        let rows = super::summary::count(rows, "flow");
        printer::note(&format!("{rows} written to {}", path.display()));
        Ok(Exit::Done)
    }
}

fn length(limit: Option<u64>) -> usize {
    limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    })
}
