//! One feed of any format, from its bytes to what is found in it.

use std::io::{self, Read};

use thiserror::Error;

use super::{
    JsonError, csv, delegated,
    format::{self, Format, LOOKED_AT, NoFormat},
    ipset,
    item::{At, Item, Sink},
    list,
    mapping::Mapping,
    misp, records, stix,
    unpack::{Packing, Unpacked},
};
use crate::{capped, places::PlacesError};

/// How a feed is read.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Its format; told from its bytes without it.
    pub format: Option<Format>,
    /// Which columns say what.
    pub mapping: Option<Mapping>,
    /// Leaves out lines whose count is less.
    pub least_count: u64,
    /// Its name, for messages of statistics.
    pub name: String,
}

/// What a feed was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Its format.
    pub format: Format,
    /// How it was packed.
    pub packing: Option<Packing>,
}

/// Why a feed cannot be read to its end: what was found before counts for nothing.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// The file, or its packing.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// Packed again inside.
    #[error("it is packed twice, in {0} again; unpack it once first")]
    Twice(Packing),
    /// Nobody knows what it is.
    #[error(transparent)]
    Format(#[from] NoFormat),
    /// JSON that is none.
    #[error(transparent)]
    Json(JsonError),
    /// Statistics whose counts do not agree.
    #[error(transparent)]
    Delegated(#[from] PlacesError),
}

impl From<JsonError> for DecodeError {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Read(error) => Self::Read(error),
            JsonError::Cut { .. } | JsonError::Form { .. } | JsonError::Deep { .. } => {
                Self::Json(error)
            }
        }
    }
}

/// Reads a feed; no more than `most` bytes may come out of its packing.
pub fn decode(
    reader: impl Read,
    most: u64,
    options: &Options,
    sink: &mut (impl Sink + ?Sized),
) -> Result<Decoded, DecodeError> {
    let mut unpacked = Unpacked::open(reader, most)?;
    let packing = unpacked.packing();
    let looked_at = LOOKED_AT.try_into().unwrap_or(u64::MAX);
    let start = capped::read_from((&mut unpacked).take(looked_at), looked_at)?;
    if let Some(inner) = Packing::of(&start) {
        return Err(DecodeError::Twice(inner));
    }
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start);
    let format = match (options.format, &options.mapping) {
        (Some(format), _) => format,
        // A mapping is for records, so these it is.
        (None, Some(_)) => match format::detect(start) {
            Ok(Format::Plain | Format::Netset | Format::Ipsum) => Format::Csv,
            Err(NoFormat::Json) => Format::Json,
            detected => detected?,
        },
        (None, None) => format::detect(start)?,
    };
    let is_json = matches!(start.trim_ascii_start(), [b'{' | b'[', ..]);
    let text = start.chain(unpacked);
    let mapping = options.mapping.as_ref();
    match format {
        Format::Plain | Format::Netset | Format::Ipsum | Format::SpamhausDrop => {
            list::decode(text, options.least_count, sink)?;
        }
        Format::Ipset => ipset::decode(text, sink)?,
        Format::SpamhausDropJson | Format::JsonLines => {
            records::decode_lines(text, mapping, sink)?;
        }
        Format::Feodo | Format::Threatfox | Format::Urlhaus | Format::Abuseipdb if is_json => {
            records::decode(text, mapping, sink)?;
        }
        Format::Json => records::decode(text, mapping, sink)?,
        Format::Csv | Format::Feodo | Format::Threatfox | Format::Urlhaus | Format::Abuseipdb => {
            csv::decode(text, mapping, &format::usual(format), sink)?;
        }
        Format::Misp => misp::decode(text, sink)?,
        Format::MispManifest => misp::decode_manifest(text, |line, listed| {
            sink.take(
                At::line(line),
                listed.map_or_else(Item::Refused, |_| Item::Beside),
            );
        })?,
        Format::MispWarninglist => misp::decode_warninglist(text, sink)?,
        Format::Stix => stix::decode(text, sink)?,
        Format::Delegated => {
            let bytes = capped::read_from(text, most)?;
            delegated::decode(&options.name, &bytes, sink)?;
        }
    }
    Ok(Decoded { format, packing })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counted(text: &[u8], options: &Options) -> Result<(Format, usize), DecodeError> {
        let mut count = 0;
        let mut sink =
            |_: At<'_>, item: Item<'_>| count += usize::from(matches!(item, Item::Watch(_)));
        let decoded = decode(text, 1 << 30, options, &mut sink)?;
        Ok((decoded.format, count))
    }

    #[test]
    fn a_mark_at_the_begin_is_passed_over_in_every_format() {
        for text in [
            "8.8.8.8\n",
            "ip,x\n8.8.8.8,y\n",
            "[{\"ip\": \"8.8.8.8\"}]",
            "add x 8.8.8.8\n",
        ] {
            let plain = counted(text.as_bytes(), &Options::default()).unwrap();
            let marked =
                counted(format!("\u{feff}{text}").as_bytes(), &Options::default()).unwrap();
            assert_eq!((plain, plain.1), (marked, 1), "{text}");
        }
    }

    #[test]
    fn a_format_or_a_mapping_that_is_told_is_taken() {
        let options = Options {
            mapping: Some("value=2".parse().unwrap()),
            ..Options::default()
        };
        assert_eq!(counted(b"x 8.8.8.8\n", &options).unwrap(), (Format::Csv, 0));
        assert_eq!(counted(b"x,8.8.8.8\n", &options).unwrap(), (Format::Csv, 1));
        let options = Options {
            format: Some(Format::Plain),
            ..Options::default()
        };
        assert_eq!(
            counted(b"{}\n8.8.8.8\n", &options).unwrap(),
            (Format::Plain, 1)
        );
    }

    #[test]
    fn half_a_document_is_none() {
        let text = b"{\"objects\": [{\"type\": \"indicator\", \"pattern\": \"[ipv4-addr:value = '8.8.8.8']\"},";
        let error = counted(text, &Options::default()).unwrap_err();
        assert!(
            matches!(error, DecodeError::Json(JsonError::Cut { line: 1 })),
            "{error}"
        );
        let packed = b"BZh9";
        assert!(matches!(
            counted(packed, &Options::default()),
            Err(DecodeError::Read(_))
        ));
    }

    proptest! {
        #[test]
        fn no_bytes_panic_in_any_format(
            bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0..Format::ALL.len(),
        ) {
            let options = Options { format: Some(Format::ALL[at]), ..Options::default() };
            let _ = counted(&bytes, &options);
            let _ = counted(&bytes, &Options::default());
        }
    }
}
