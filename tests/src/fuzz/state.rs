//! What the sensor itself wrote and reads again, and texts of one line.

use sekisho::{
    clock::{Anchors, BootId},
    documents::{Digest, Principal, Time, field, journal},
    feeds::{address, mapping::Mapping, over::Over, plain, time::moment},
    loaded::{Loaded, explain::PacketLine},
    places::Country,
    settings::state::{fingerprint, read_kind},
    watchlist::Watchlist,
};

/// Files of the state folder and of the runtime folder.
pub(super) fn files(input: &[u8]) {
    if let Ok((arrivals, whole)) = journal::read(input) {
        let lines = arrivals.iter().map(|arrival| arrival.text() + "\n");
        assert_eq!(lines.collect::<String>().as_bytes(), &input[..whole]);
        assert!(!input[whole..].contains(&b'\n'));
    }
    let _ = fingerprint(input);
    if let Ok(watchlist) = Watchlist::read_from(input) {
        let mut out = Vec::new();
        assert!(watchlist.write_to(&mut out).is_ok());
        assert_eq!(out, input);
    }
    if let Ok(loaded) = serde_json::from_slice::<Loaded>(input) {
        let text = serde_json::to_vec(&loaded).unwrap_or_default();
        let again = serde_json::from_slice::<Loaded>(&text);
        assert_eq!(again.ok().as_ref(), Some(&loaded));
        let _ = loaded.places();
    }
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    if let Ok(anchors) = text.parse::<Anchors>() {
        assert_eq!(anchors.to_string(), text);
    }
    if let Ok(over) = Over::read(text) {
        let mut out = Vec::new();
        assert!(over.write(&mut out).is_ok());
        let again = Over::read(&String::from_utf8_lossy(&out));
        assert_eq!(again.as_ref(), Ok(&over));
    }
    let _ = read_kind(text);
}

/// Texts of one line: packets as people describe them, moments, names, addresses.
pub(super) fn line(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    if let Ok(line) = text.parse::<PacketLine>() {
        let again = line.to_string().parse();
        assert_eq!(again.as_ref(), Ok(&line));
        for end in [&line.source, &line.destination] {
            let rule = line.rule(end);
            assert!(rule.is_none_or(|rule| line.may_be(end, rule)));
        }
    }
    if let Ok(time) = text.parse::<Time>() {
        assert_eq!(time.to_string().parse(), Ok(time));
    }
    if let Some(time) = moment(text) {
        assert_eq!(moment(&time.to_string()), Some(time));
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string(), text);
    }
    if let Ok(principal) = text.parse::<Principal>() {
        assert_eq!(principal.to_string(), text);
        let file = principal.in_file_names();
        assert_eq!(Principal::of_file_name(&file), Ok(principal));
    }
    if let Ok(boot_id) = text.parse::<BootId>() {
        assert_eq!(boot_id.to_string(), text);
    }
    if let Some(country) = Country::new(text) {
        assert_eq!(Country::new(&country.to_string()), Some(country));
    }
    if let Ok(prefix) = address::prefix(text) {
        assert_eq!(address::prefix(&prefix.to_string()).ok(), Some(prefix));
    }
    if let Ok(prefix) = plain::prefix(text, plain::Shortest::ANY) {
        assert_eq!(prefix, prefix.trunc());
        // What papers bind reads no more than what feeds may have.
        assert_eq!(address::prefix(text).ok(), Some(prefix), "{text}");
    }
    let _ = address::named(text);
    let _ = text.parse::<Mapping>();
    let _ = field::Text::try_from(text.to_owned());
    let _ = field::Name::try_from(text.to_owned());
}
