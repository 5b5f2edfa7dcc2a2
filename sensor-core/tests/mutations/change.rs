//! Changes of files, by chance.

use sensor_core::documents::Folder;

use super::chance::Chance;

/// What is done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    BitFlip,
    Byte,
    Insert,
    Delete,
    DeleteRange,
    RepeatRange,
    SwapBytes,
    SwapLines,
    DeleteLine,
    RepeatLine,
    Truncate,
    CutFront,
    Append,
    AppendFile,
    PutFile,
    SwapFiles,
    Splice,
    Case,
    Blank,
    LineEnds,
    Digit,
}

const ALL: [Change; 21] = [
    Change::BitFlip,
    Change::Byte,
    Change::Insert,
    Change::Delete,
    Change::DeleteRange,
    Change::RepeatRange,
    Change::SwapBytes,
    Change::SwapLines,
    Change::DeleteLine,
    Change::RepeatLine,
    Change::Truncate,
    Change::CutFront,
    Change::Append,
    Change::AppendFile,
    Change::PutFile,
    Change::SwapFiles,
    Change::Splice,
    Change::Case,
    Change::Blank,
    Change::LineEnds,
    Change::Digit,
];

/// Files with other bytes than they had.
pub(crate) type Changed = Vec<(String, Vec<u8>)>;

/// Changes one file, or two that swap what they hold.
pub(crate) fn make(folder: &Folder, names: &[String], chance: &mut Chance) -> (Change, Changed) {
    loop {
        let what = *chance.one(&ALL);
        let (name, other) = (chance.one(names), chance.one(names));
        let (bytes, others) = (&folder.files[name], &folder.files[other]);
        let mut changed = bytes.to_vec();
        if what == Change::SwapFiles {
            if bytes != others {
                let swapped = vec![(name.clone(), others.to_vec()), (other.clone(), changed)];
                return (what, swapped);
            }
            continue;
        }
        one(what, &mut changed, others, chance);
        if changed != **bytes {
            return (what, vec![(name.clone(), changed)]);
        }
    }
}

fn one(what: Change, bytes: &mut Vec<u8>, other: &[u8], chance: &mut Chance) {
    let length = bytes.len();
    let at = chance.below(length);
    let end = (at + 1 + chance.below(40)).min(length);
    let byte = u8::try_from(chance.below(256)).unwrap();
    match what {
        Change::BitFlip => bytes[at] ^= 1 << (byte % 8),
        Change::Byte => bytes[at] = byte,
        Change::Insert => bytes.insert(at, byte),
        Change::Delete => drop(bytes.remove(at)),
        Change::DeleteRange => drop(bytes.drain(at..end)),
        Change::RepeatRange => {
            let part = bytes[at..end].to_vec();
            bytes.splice(at..at, part);
        }
        Change::SwapBytes => bytes.swap(at, chance.below(length)),
        Change::SwapLines | Change::DeleteLine | Change::RepeatLine => {
            lines(what, bytes, chance);
        }
        Change::Truncate => bytes.truncate(at),
        Change::CutFront => drop(bytes.drain(..=at)),
        Change::Append => bytes.push(byte),
        Change::AppendFile => bytes.extend(other),
        Change::PutFile | Change::SwapFiles => *bytes = other.to_vec(),
        Change::Splice => {
            bytes.truncate(at);
            bytes.extend(&other[chance.below(other.len())..]);
        }
        Change::Case => {
            let letter = bytes[at..].iter().position(u8::is_ascii_alphabetic);
            if let Some(letter) = letter {
                bytes[at + letter] ^= 0x20;
            }
        }
        Change::Blank => bytes.insert(at, *chance.one(b" \t\n\r\0")),
        Change::LineEnds => {
            let with = *chance.one(&["\r\n", "\n\n", " \n", "\r"]);
            let text = String::from_utf8_lossy(bytes).replace('\n', with);
            *bytes = text.into_bytes();
        }
        Change::Digit => {
            let digit = bytes[at..].iter().position(u8::is_ascii_digit);
            if let Some(digit) = digit {
                bytes[at + digit] = b'0' + byte % 10;
            }
        }
    }
}

fn lines(what: Change, bytes: &mut Vec<u8>, chance: &mut Chance) {
    let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let (one, other) = (chance.below(lines.len()), chance.below(lines.len()));
    match what {
        Change::SwapLines => lines.swap(one, other),
        Change::DeleteLine => drop(lines.remove(one)),
        _ => lines.insert(other, lines[one]),
    }
    *bytes = lines.concat();
}
