//! Formats of feeds, told from what stands in them.
//!
//! Names of files say nothing here: a server may call a list anything. What is told from the
//! first bytes can be told otherwise (`--format`); what cannot be told is refused, since a guess
//! that is wrong would watch for something that nobody named.

use std::str::FromStr;

use super::{
    address,
    json::Json,
    mapping::{Mapping, Role, plain},
};

/// Bytes that are looked at.
pub const LOOKED_AT: usize = 1 << 16;

/// Lines that are looked at.
const LINES: usize = 200;

macro_rules! formats {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        /// How a feed is written.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Format {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Format {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

formats! {
    /// An address, a prefix or a range a line.
    Plain = "plain";
    /// `FireHOL` and others: a plain list with a header of comments.
    Netset = "netset";
    /// An address and a count a line.
    Ipsum = "ipsum";
    /// Spamhaus DROP as text.
    SpamhausDrop = "spamhaus-drop";
    /// Spamhaus DROP as lines of JSON.
    SpamhausDropJson = "spamhaus-drop-json";
    /// `ipset save`.
    Ipset = "ipset";
    /// A table, by the names of its columns or a mapping.
    Csv = "csv";
    /// Feodo Tracker of abuse.ch, as CSV.
    Feodo = "feodo";
    /// `ThreatFox` of abuse.ch, as CSV or JSON.
    Threatfox = "threatfox";
    /// `URLhaus` of abuse.ch, as CSV or JSON.
    Urlhaus = "urlhaus";
    /// The blacklist of `AbuseIPDB`, as CSV or JSON.
    Abuseipdb = "abuseipdb";
    /// An object of JSON a line.
    JsonLines = "json-lines";
    /// Objects in lists of a JSON document.
    Json = "json";
    /// Events and attributes of MISP.
    Misp = "misp";
    /// The list of events of a MISP feed.
    MispManifest = "misp-manifest";
    /// What MISP knows to give false alarms.
    MispWarninglist = "misp-warninglist";
    /// A bundle of STIX 2.1 or 2.0, or an envelope of TAXII 2.1.
    Stix = "stix";
    /// Statistics of a regional registry.
    Delegated = "delegated";
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|format| format.name() == text);
        found.copied().ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|format| format.name()).collect();
            format!("there are {}", names.join(", "))
        })
    }
}

/// Why a format cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoFormat {
    /// Two bytes a character.
    #[error("it is UTF-16; convert it to UTF-8, as by 'iconv -f utf-16 -t utf-8'")]
    Utf16,
    /// HTML, or XML as in STIX 1.
    #[error("it is a web page or XML; name the file that the page offers for download")]
    Markup,
    /// JSON of no known kind.
    #[error("it is JSON of no kind that is known; name its format, and a mapping for json")]
    Json,
    /// No text.
    #[error("it is no text, and packed in no way that is known")]
    NotText,
}

/// The columns of a preset that has no names of columns in its file.
pub(super) fn usual(format: Format) -> Mapping {
    match format {
        Format::Feodo => Mapping::of(&[
            (Role::FirstSeen, "1"),
            (Role::Value, "2"),
            (Role::Port, "3"),
            (Role::LastSeen, "5"),
        ]),
        Format::Threatfox => Mapping::of(&[
            (Role::FirstSeen, "1"),
            (Role::Id, "2"),
            (Role::Value, "3"),
            (Role::Kind, "4"),
            (Role::LastSeen, "9"),
            (Role::Confidence, "10"),
        ]),
        Format::Urlhaus => {
            Mapping::of(&[(Role::Id, "1"), (Role::FirstSeen, "2"), (Role::Value, "3")])
        }
        Format::Abuseipdb => Mapping::of(&[
            (Role::Value, "1"),
            (Role::Confidence, "3"),
            (Role::LastSeen, "4"),
        ]),
        Format::Plain
        | Format::Netset
        | Format::Ipsum
        | Format::SpamhausDrop
        | Format::SpamhausDropJson
        | Format::Ipset
        | Format::Csv
        | Format::JsonLines
        | Format::Json
        | Format::Misp
        | Format::MispManifest
        | Format::MispWarninglist
        | Format::Stix
        | Format::Delegated => Mapping::of(&[(Role::Value, "1")]),
    }
}

/// Tells the format of a text from its begin, which is without a byte-order mark.
pub fn detect(start: &[u8]) -> Result<Format, NoFormat> {
    if matches!(start, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
        return Err(NoFormat::Utf16);
    }
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        // A bad line further on is a bad line.
        Err(error) => std::str::from_utf8(&start[..error.valid_up_to()]).unwrap_or_default(),
    };
    if text.is_empty() && !start.is_empty() {
        return Err(NoFormat::NotText);
    }
    let is_wide =
        start.len() > 3 && (start[1] == 0 && start[3] == 0 || start[0] == 0 && start[2] == 0);
    match text.trim_start().as_bytes() {
        _ if is_wide => Err(NoFormat::Utf16),
        [b'{' | b'[', ..] => json(text),
        [b'<', ..] => Err(NoFormat::Markup),
        _ => Ok(lines(text)),
    }
}

/// By the members of a document.
fn json(text: &str) -> Result<Format, NoFormat> {
    let mut names = Vec::new();
    let mut kind = String::new();
    // What is cut off at the end of what is looked at is no fault.
    let _ = members(&mut Json::new(text.as_bytes()), &mut names, &mut kind);
    let has = |name: &str| names.iter().any(|known| known == name);
    let is_known = |format: fn(&str) -> bool| names.iter().any(|name| format(name));
    let is_lines = (text.trim_start().lines().next())
        .is_some_and(|line| serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok());
    Ok(if has("Event") || has("response") || has("Attribute") {
        Format::Misp
    } else if has("objects") || has("pattern") || kind == "bundle" || kind == "indicator" {
        Format::Stix
    } else if has("list") && (has("description") || has("name") || has("matching_attributes")) {
        Format::MispWarninglist
    } else if has("sblid") || has("cidr") && is_lines {
        Format::SpamhausDropJson
    } else if is_known(super::misp::is_uuid) && !has("url") {
        Format::MispManifest
    } else if has("url") && (has("url_status") || has("urlhaus_link") || has("urlhaus_reference")) {
        Format::Urlhaus
    } else if has("ioc") || has("ioc_value") || has("ioc_type") {
        Format::Threatfox
    } else if has("ipAddress") && has("abuseConfidenceScore") {
        Format::Abuseipdb
    } else if has("ip_address") && has("last_online") && has("malware") {
        Format::Feodo
    } else if text.trim_start().starts_with('{') && is_lines {
        Format::JsonLines
    } else if Mapping::usual(&names.iter().map(String::as_str).collect::<Vec<_>>()).is_some() {
        Format::Json
    } else {
        return Err(NoFormat::Json);
    })
}

/// The names of members, of what is in the first list or object too.
fn members(
    json: &mut Json<&[u8]>,
    names: &mut Vec<String>,
    kind: &mut String,
) -> Result<(), super::JsonError> {
    walk(json, 3, names, kind)
}

fn walk(
    json: &mut Json<&[u8]>,
    levels: usize,
    names: &mut Vec<String>,
    kind: &mut String,
) -> Result<(), super::JsonError> {
    match json.peek()? {
        Some(b'{') if levels > 0 => json.object(|json, name| {
            names.push(name.into());
            // What a bundle or an event has inside are other things' names.
            let is_known = matches!(
                name,
                "objects" | "Event" | "Attribute" | "list" | "response"
            );
            if name == "type" && kind.is_empty() {
                let mut text = Vec::new();
                json.cut(&mut text, 64)?;
                *kind = serde_json::from_slice(&text).unwrap_or_default();
                return Ok(());
            }
            if is_known {
                json.skip()
            } else {
                walk(json, levels - 1, names, kind)
            }
        }),
        Some(b'[') if levels > 0 => {
            let mut is_first = true;
            json.array(|json| {
                if std::mem::take(&mut is_first) {
                    walk(json, levels - 1, names, kind)
                } else {
                    json.skip()
                }
            })
        }
        _ => json.skip(),
    }
}

/// By the first lines of a text.
fn lines(text: &str) -> Format {
    let mut is_netset = false;
    let mut counted = 0;
    let mut commented = Vec::new();
    for line in text.lines().take(LINES) {
        let line = line.trim();
        if let Some(comment) = line.strip_prefix(['#', ';']) {
            let lower = comment.to_ascii_lowercase();
            if lower.contains("spamhaus") {
                return Format::SpamhausDrop;
            }
            if lower.contains("ipsum threat") {
                return Format::Ipsum;
            }
            is_netset |= lower.contains("firehol")
                || lower.contains("hash:net")
                || lower.contains("hash:ip");
            commented = names(comment);
            continue;
        }
        if line.is_empty() {
            continue;
        }
        if ["create ", "add ", "-N ", "-A "]
            .iter()
            .any(|word| line.starts_with(word))
        {
            return Format::Ipset;
        }
        if is_delegated(line) {
            return Format::Delegated;
        }
        if line.contains("; SBL") {
            return Format::SpamhausDrop;
        }
        let content = line.split(['#', ';']).next().unwrap_or_default();
        if counted == 0
            && (line
                .split('#')
                .next()
                .is_some_and(|rest| rest.contains(','))
                || has_columns(line))
        {
            return table(&names(line))
                .or_else(|| table(&commented))
                .unwrap_or(Format::Csv);
        }
        let mut words = content.split_whitespace();
        let is_counted = words
            .next()
            .is_some_and(|word| address::prefix(word).is_ok())
            && words.next().is_some_and(|word| word.parse::<u32>().is_ok())
            && words.next().is_none();
        if !is_counted {
            break;
        }
        counted += 1;
    }
    match (is_netset, counted) {
        (true, _) => Format::Netset,
        (false, 0) => Format::Plain,
        (false, _) => Format::Ipsum,
    }
}

/// Whether a line has columns, of which one is no address and no count.
fn has_columns(line: &str) -> bool {
    let is_table = |separator: char| {
        let fields: Vec<&str> = line.split(separator).collect();
        let usual = Mapping::usual(&fields);
        fields.len() > 2 || fields.len() == 2 && usual.is_some()
    };
    (line.contains('\t') && is_table('\t'))
        || (line.contains(';') && is_table(';') && !line.contains("; "))
}

fn names(line: &str) -> Vec<String> {
    line.split([',', ';', '\t']).map(plain).collect()
}

/// A table that is known by the names of its columns.
fn table(names: &[String]) -> Option<Format> {
    let has = |name: &str| names.iter().any(|known| known == name);
    if has("ioc_value") || has("ioc_type") {
        Some(Format::Threatfox)
    } else if has("dst_ip") && (has("c2_status") || has("first_seen_utc")) {
        Some(Format::Feodo)
    } else if has("url") && (has("url_status") || has("urlhaus_link")) {
        Some(Format::Urlhaus)
    } else if names
        .iter()
        .any(|name| name.contains("abuse") && name.contains("confidence"))
    {
        Some(Format::Abuseipdb)
    } else {
        None
    }
}

/// The header of statistics: `2|apnic|...` or `2.3|ripencc|...`.
fn is_delegated(line: &str) -> bool {
    let mut fields = line.split('|');
    let version = fields.next().unwrap_or_default();
    matches!(version, "1" | "2" | "2.0" | "2.1" | "2.2" | "2.3")
        && fields.next().is_some_and(|registry| {
            matches!(
                registry,
                "afrinic" | "apnic" | "arin" | "iana" | "lacnic" | "ripencc" | "nro"
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_from_what_stands_in_them() {
        for (text, format) in [
            ("", "plain"),
            ("# x\n\n8.8.8.8\n", "plain"),
            ("8.8.8.8-8.8.8.9", "plain"),
            ("8.8.8.8:53\n", "plain"),
            ("8.8.8.8 # a, b\n", "plain"),
            ("# FireHOL\n#\n# Maintainer URL : x\n1.0.0.0/8\n", "netset"),
            ("#\n# ipv4 hash:net ipset\n#\n1.0.0.0/8\n", "netset"),
            ("# IPsum Threat Intelligence Feed\n8.8.8.8\t9\n", "ipsum"),
            ("8.8.8.8\t9\n9.9.9.9\t8\n", "ipsum"),
            (
                "; Spamhaus DROP List\n1.10.16.0/20 ; SBL256894\n",
                "spamhaus-drop",
            ),
            ("1.10.16.0/20 ; SBL256894\n", "spamhaus-drop"),
            ("create x hash:ip family inet\nadd x 8.8.8.8\n", "ipset"),
            ("2|apnic|20101217|3|19850701|20101216|+1000\n", "delegated"),
            ("ip,x\n8.8.8.8,y\n", "csv"),
            ("8.8.8.8;tcp;80\n", "csv"),
            ("ip\tport\n8.8.8.8\t80\n", "csv"),
            (
                "\"first_seen_utc\",\"dst_ip\",\"dst_port\",\"c2_status\"\n",
                "feodo",
            ),
            (
                "# \"first_seen_utc\",\"ioc_id\",\"ioc_value\",\"ioc_type\"\n\"a\", \"b\"\n",
                "threatfox",
            ),
            ("# id,dateadded,url,url_status\n\"1\",\"2\"\n", "urlhaus"),
            ("IP,Country Code,Abuse Confidence Score\n", "abuseipdb"),
            (
                "{\"cidr\":\"1.1.1.0/24\",\"sblid\":\"x\"}\n{\"cidr\":\"1.1.2.0/24\"}\n",
                "spamhaus-drop-json",
            ),
            ("{\"ip\":\"1.1.1.1\"}\n{\"ip\":\"1.1.1.2\"}\n", "json-lines"),
            ("[{\"ip\":\"1.1.1.1\"}]", "json"),
            ("{\"Event\": {\"info\"", "misp"),
            ("{\"response\": [", "misp"),
            (
                "{\"description\": \"x\", \"list\": [\"1.1.1.1\",",
                "misp-warninglist",
            ),
            (
                "{\"5488465f-2da8-4625-bf07-43ef950d210b\": {\"info\": \"x\"}}",
                "misp-manifest",
            ),
            ("{\"type\": \"bundle\", \"id\": \"x\"}", "stix"),
            ("{\"more\": false, \"objects\": [", "stix"),
            ("[{\"type\": \"indicator\", \"id\": \"x\"}]", "stix"),
            (
                "{\"query_status\": \"ok\", \"data\": [{\"id\": \"1\", \"ioc\": \"x\"}]}",
                "threatfox",
            ),
            ("{\"1\": [{\"ioc_value\": \"x\"}]}", "threatfox"),
            (
                "{\"1\": [{\"url\": \"x\", \"url_status\": \"online\"}]}",
                "urlhaus",
            ),
            (
                "[{\"ip_address\": \"x\", \"port\": 1, \"last_online\": null, \"malware\": \"x\"}]",
                "feodo",
            ),
            (
                "{\"meta\": {}, \"data\": [{\"ipAddress\": \"x\", \"abuseConfidenceScore\": 1}]}",
                "abuseipdb",
            ),
        ] {
            assert_eq!(
                detect(text.as_bytes()).map(Format::name),
                Ok(format),
                "{text}"
            );
        }
        for (bytes, why) in [
            (&b"\xff\xfe1\0"[..], NoFormat::Utf16),
            (b"1\0.\x001\0", NoFormat::Utf16),
            (b"<!DOCTYPE html>", NoFormat::Markup),
            (b"{\"x\": 1}  {", NoFormat::Json),
            (b"[1, 2", NoFormat::Json),
            (b"\x80\x81", NoFormat::NotText),
        ] {
            assert_eq!(detect(bytes), Err(why), "{bytes:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(0..=255u8, 0..200)) {
            let _ = detect(&bytes);
        }
    }
}
