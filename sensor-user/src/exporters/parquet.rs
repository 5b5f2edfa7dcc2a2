//! Parquet files of rows, for tools that count in columns.
//!
//! A row group at a time is in memory. Columns have the names of `docs/json-lines.md`; what is a
//! list there is JSON here, and what an approval does not let a row say is null.

use std::{
    fs::File,
    io::{self, BufWriter},
    sync::Arc,
};

use parquet::{
    basic::Compression,
    column::writer::ColumnWriter,
    data_type::ByteArray,
    errors::ParquetError,
    file::{
        properties::WriterProperties,
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::parser::parse_message_type,
};
use sensor_common::Fragment;
use serde::Serialize;
use thiserror::Error;

use crate::records::{
    End,
    query::{Named, Row},
};

/// Rows of a row group.
const GROUP: usize = 65_536;

const SCHEMA: &str = "message flows {
    REQUIRED INT64 record (INTEGER(64,false));
    REQUIRED BYTE_ARRAY approval (STRING);
    REQUIRED BYTE_ARRAY class (STRING);
    REQUIRED BYTE_ARRAY direction (STRING);
    REQUIRED BYTE_ARRAY interface (STRING);
    OPTIONAL BYTE_ARRAY vlan (JSON);
    OPTIONAL BYTE_ARRAY tunnel (STRING);
    OPTIONAL INT64 tunnel_id;
    REQUIRED BYTE_ARRAY src (STRING);
    REQUIRED BYTE_ARRAY src_kind (STRING);
    REQUIRED BYTE_ARRAY dst (STRING);
    REQUIRED BYTE_ARRAY dst_kind (STRING);
    OPTIONAL INT32 proto;
    OPTIONAL INT32 src_port;
    OPTIONAL INT32 dst_port;
    REQUIRED INT64 packets (INTEGER(64,false));
    REQUIRED INT64 octets (INTEGER(64,false));
    OPTIONAL INT32 tcp_flags;
    REQUIRED INT64 start (TIMESTAMP(NANOS,true));
    REQUIRED INT64 end (TIMESTAMP(NANOS,true));
    OPTIONAL BYTE_ARRAY fragment (STRING);
    OPTIONAL INT32 ttl_min;
    OPTIONAL INT32 ttl_max;
    REQUIRED BYTE_ARRAY indicators (JSON);
}";

/// Why a file was not written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The disk, or the form.
    #[error("the Parquet file cannot be written")]
    Parquet(#[from] ParquetError),
    /// A list has no form as JSON.
    #[error("the Parquet file cannot be written")]
    Json(#[from] serde_json::Error),
}

/// Writes one file.
pub struct Writer {
    file: SerializedFileWriter<BufWriter<File>>,
    rows: Vec<Row>,
    written: u64,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (f.debug_struct("Writer").field("written", &self.written)).finish_non_exhaustive()
    }
}

impl Writer {
    /// Begins a file.
    pub fn new(file: File) -> Result<Self, WriteError> {
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
        let properties = Arc::new(properties.build());
        Ok(Self {
            file: SerializedFileWriter::new(BufWriter::new(file), schema, properties)?,
            rows: Vec::new(),
            written: 0,
        })
    }

    /// Adds a row.
    pub fn add(&mut self, row: Row) -> Result<(), WriteError> {
        self.rows.push(row);
        if self.rows.len() >= GROUP {
            self.write_group()?;
        }
        Ok(())
    }

    /// Ends the file, and brings it to the disk; says how many rows it has.
    pub fn finish(mut self) -> Result<u64, WriteError> {
        self.write_group()?;
        let file = self.file.into_inner()?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error);
        let synced = file.and_then(|file| file.sync_all());
        synced.map_err(|error| ParquetError::External(Box::new(error)))?;
        Ok(self.written)
    }

    fn write_group(&mut self) -> Result<(), WriteError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut columns = Columns(self.file.next_row_group()?);
        let rows = &self.rows[..];
        columns.numbers(rows, |row| row.record.0)?;
        columns.texts(rows, |row| row.approval.as_bytes().to_vec())?;
        columns.texts(rows, |row| row.class.name().into())?;
        columns.texts(rows, |row| row.direction.name().into())?;
        columns.texts(rows, |row| row.interface.as_bytes().to_vec())?;
        let vlan = |row: &Row| row.vlan.as_ref().map(serde_json::to_vec).transpose();
        let vlans = rows.iter().map(vlan).collect::<Result<Vec<_>, _>>()?;
        columns.optional_texts(vlans)?;
        let kind = |row: &Row| row.tunnel.map(|(kind, _)| kind.name().into());
        columns.optional_texts(rows.iter().map(kind).collect())?;
        let id = |row: &Row| {
            let tunnel = row.tunnel.filter(|(kind, _)| kind.has_id());
            tunnel.map(|(_, id)| i64::from(id))
        };
        columns.optional_longs(rows, id)?;
        columns.texts(rows, |row| row.source.to_string().into())?;
        columns.texts(rows, |row| row.source.kind().into())?;
        columns.texts(rows, |row| row.destination.to_string().into())?;
        columns.texts(rows, |row| row.destination.kind().into())?;
        columns.optional(rows, |row| row.protocol.map(i32::from))?;
        columns.optional(rows, |row| row.ports.map(|(source, _)| source.into()))?;
        columns.optional(rows, |row| {
            row.ports.map(|(_, destination)| destination.into())
        })?;
        columns.numbers(rows, |row| row.packets)?;
        columns.numbers(rows, |row| row.octets)?;
        columns.optional(rows, |row| row.tcp_flags.map(i32::from))?;
        columns.numbers(rows, |row| row.start)?;
        columns.numbers(rows, |row| row.end)?;
        let fragments = rows.iter().map(fragment);
        columns.optional_texts(fragments.collect())?;
        columns.optional(rows, |row| row.ttl.map(|(lowest, _)| lowest.into()))?;
        columns.optional(rows, |row| row.ttl.map(|(_, highest)| highest.into()))?;
        let named = rows.iter().map(indicators).collect::<Result<Vec<_>, _>>()?;
        let named: Vec<_> = named.into_iter().map(ByteArray::from).collect();
        columns.write_texts(&named, None)?;
        columns.0.close()?;
        self.written = self.written.saturating_add(rows.len() as u64);
        self.rows.clear();
        Ok(())
    }
}

fn fragment(row: &Row) -> Option<Vec<u8>> {
    match row.fragment {
        None | Some(Fragment::Whole) => None,
        Some(Fragment::First) => Some("first".into()),
        Some(Fragment::Later) => Some("later".into()),
    }
}

fn indicators(row: &Row) -> serde_json::Result<Vec<u8>> {
    #[derive(Serialize)]
    struct Object<'a> {
        prefix: Option<String>,
        end: &'static str,
        feed: &'a str,
        line: u32,
    }
    let object = |named: &'_ Named| {
        serde_json::to_value(Object {
            prefix: named.prefix.map(|prefix| prefix.to_string()),
            end: match named.end {
                End::Source => "src",
                End::Destination => "dst",
            },
            feed: &named.feed,
            line: named.line,
        })
    };
    let objects = row.indicators.iter().map(object);
    serde_json::to_vec(&objects.collect::<serde_json::Result<Vec<_>>>()?)
}

/// The columns of a row group, written in the order of the schema.
struct Columns<'a>(SerializedRowGroupWriter<'a, BufWriter<File>>);

/// A value that is there, or is not.
fn levels<T>(values: Vec<Option<T>>) -> (Vec<T>, Vec<i16>) {
    let levels = values.iter().map(|value| i16::from(value.is_some()));
    let levels = levels.collect();
    (values.into_iter().flatten().collect(), levels)
}

impl Columns<'_> {
    /// Writes the next column, whose type the schema says.
    fn next(
        &mut self,
        write: impl FnOnce(&mut ColumnWriter<'_>) -> Result<usize, ParquetError>,
    ) -> Result<(), ParquetError> {
        let Some(mut column) = self.0.next_column()? else {
            return Err(ParquetError::General("the schema has fewer columns".into()));
        };
        write(column.untyped())?;
        column.close()
    }

    /// Unsigned numbers, and times: the schema says which.
    fn numbers(&mut self, rows: &[Row], value: impl Fn(&Row) -> u64) -> Result<(), ParquetError> {
        let values: Vec<i64> = rows.iter().map(|row| value(row).cast_signed()).collect();
        self.write_longs(&values, None)
    }

    fn optional_longs(
        &mut self,
        rows: &[Row],
        value: impl Fn(&Row) -> Option<i64>,
    ) -> Result<(), ParquetError> {
        let (values, levels) = levels(rows.iter().map(value).collect());
        self.write_longs(&values, Some(&levels))
    }

    fn write_longs(&mut self, values: &[i64], levels: Option<&[i16]>) -> Result<(), ParquetError> {
        self.next(|column| match column {
            ColumnWriter::Int64ColumnWriter(column) => column.write_batch(values, levels, None),
            _ => Err(other_type()),
        })
    }

    fn optional(
        &mut self,
        rows: &[Row],
        value: impl Fn(&Row) -> Option<i32>,
    ) -> Result<(), ParquetError> {
        let (values, levels) = levels(rows.iter().map(value).collect());
        self.next(|column| match column {
            ColumnWriter::Int32ColumnWriter(column) => {
                column.write_batch(&values, Some(&levels), None)
            }
            _ => Err(other_type()),
        })
    }

    fn texts(&mut self, rows: &[Row], value: impl Fn(&Row) -> Vec<u8>) -> Result<(), ParquetError> {
        let values = rows.iter().map(|row| ByteArray::from(value(row)));
        self.write_texts(&values.collect::<Vec<_>>(), None)
    }

    fn optional_texts(&mut self, values: Vec<Option<Vec<u8>>>) -> Result<(), ParquetError> {
        let (values, levels) = levels(values);
        let values: Vec<_> = values.into_iter().map(ByteArray::from).collect();
        self.write_texts(&values, Some(&levels))
    }

    fn write_texts(
        &mut self,
        values: &[ByteArray],
        levels: Option<&[i16]>,
    ) -> Result<(), ParquetError> {
        self.next(|column| match column {
            ColumnWriter::ByteArrayColumnWriter(column) => column.write_batch(values, levels, None),
            _ => Err(other_type()),
        })
    }
}

fn other_type() -> ParquetError {
    ParquetError::General("a column has another type than the schema says".into())
}
