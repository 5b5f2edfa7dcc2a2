//! What is done to papers, and to the log of their arrivals, after they were good.

use sensor_core::documents::{Digest, Kind, Rule, journal::Arrival};

use crate::{
    table::{After, Of, Table},
    world::{Papers, soft::Making, time},
};

/// Takes a file away, or puts other bytes in its place.
pub(crate) fn put(papers: &mut Papers, file: &str, bytes: Option<Vec<u8>>) {
    match bytes {
        Some(bytes) => papers.folder.files.insert(file.into(), bytes.into()),
        None => papers.folder.files.remove(file),
    };
}

/// Writes the log anew, each line naming the one before it.
pub(crate) fn chained(logged: &mut [Arrival]) {
    let (mut line, mut previous) = (0, Digest::of(b""));
    for arrival in logged {
        line += 1;
        (arrival.line, arrival.previous) = (line, previous);
        previous = arrival.digest();
    }
}

/// Adds the cases.
pub(crate) fn add(table: &mut Table) {
    let (file, first) = (table.setting.file, table.setting.signers[0]);
    let signature = table.setting.signature();
    let kind = table.setting.of.kind();
    let missing = ("", Rule::Missing, "is missing or was changed");
    table.add_logged(
        "document deleted after it was logged",
        |papers, _| put(papers, file, None),
        missing,
        After::Nothing,
    );
    table.add_logged(
        "document edited after it was logged",
        |papers, _| {
            let bytes = [&papers.folder.files[file][..], b"# \n"].concat();
            put(papers, file, Some(bytes));
        },
        missing,
        After::Nothing,
    );
    table.add_logged(
        "signature deleted after it was logged",
        |papers, _| put(papers, &signature, None),
        ("", Rule::Missing, "the signature of"),
        After::Nothing,
    );
    table.add_logged(
        "signature replaced by another good one after it was logged",
        |papers, _| {
            let making = Making {
                hash: "sha256",
                ..Making::of(kind.namespace())
            };
            let bytes = &papers.folder.files[file];
            let made = crate::world::key(first).sign(&making, bytes);
            put(papers, &signature, Some(made.into()));
        },
        ("", Rule::Missing, "the signature of"),
        After::Nothing,
    );
    let number = table.setting.number;
    let at = move |logged: &[Arrival]| {
        let is_it = |arrival: &Arrival| arrival.kind == kind && arrival.number == number;
        logged.iter().position(is_it).unwrap()
    };
    let broken = ("", Rule::Journal, "does not follow the line before it");
    table.add_logged(
        "its line taken out of the log",
        |_, logged| {
            logged.remove(at(logged));
            // The last line has none behind it that would tell.
            let mut last = logged.last().unwrap().clone();
            last.previous = Digest::of(b"x");
            last.line += 1;
            logged.push(last);
        },
        broken,
        After::Nothing,
    );
    table.add_logged(
        "its line edited to another number, and the log chained anew",
        |_, logged| {
            let at = at(logged);
            logged[at].number += 1;
            chained(logged);
        },
        ("", Rule::Journal, "the document is another"),
        After::Nothing,
    );
    table.add_logged(
        "its line edited to another signer, and the log chained anew",
        |_, logged| {
            let at = at(logged);
            logged[at].principal = Some("overseer/dai".parse().unwrap());
            chained(logged);
        },
        ("", Rule::Journal, "and not of overseer/dai"),
        After::Nothing,
    );
    table.add_logged(
        "its line edited to another time",
        |_, logged| {
            let at = at(logged);
            logged[at].time = time("2026-11-22T10:59:59Z");
            if at + 1 == logged.len() {
                logged[at].line += 1;
            }
        },
        broken,
        After::Nothing,
    );
    table.add_logged(
        "its line swapped with the one before it",
        |_, logged| {
            let at = at(logged);
            logged.swap(at - 1, at);
        },
        broken,
        After::Nothing,
    );
    if table.setting.of == Of::Kind(Kind::Standing) {
        clocks(table);
    }
}

fn clocks(table: &mut Table) {
    table.add_logged(
        "clock set back",
        |_, logged| {
            for arrival in logged.iter_mut() {
                arrival.time = time("2026-11-22T12:00:00.000000001Z");
            }
            chained(logged);
        },
        ("", Rule::Clock, "the clock is behind"),
        After::Nothing,
    );
    table.add_logged(
        "a log of another sensor",
        |_, logged| {
            logged[0].document = Digest::of(b"another keyring");
            chained(logged);
        },
        ("", Rule::Missing, "keyring 1 with SHA-256"),
        After::Nothing,
    );
    table.add_logged(
        "the first line says that somebody signed the keyring",
        |papers, logged| {
            let other = &papers.folder.files["policy-1.toml.sig.overseer_ai"];
            logged[0].principal = Some("overseer/ai".parse().unwrap());
            logged[0].signature = Some(Digest::of(other));
            chained(logged);
        },
        ("", Rule::Journal, "no keyring yet"),
        After::Nothing,
    );
    table.add_logged(
        "another document arrived without a signature",
        |_, logged| {
            logged[1].principal = None;
            logged[1].signature = None;
            chained(logged);
        },
        ("", Rule::Journal, "it is not the keyring of this sensor"),
        After::Nothing,
    );
}
