//! Pairs of a file of signers and a signed document, good and bad.

use std::fmt;

use base64ct::{Base64, Encoding as _};
use jiff::Timestamp;
use sensor_core::documents::{Kind, Time};

use super::{
    chance::Chance,
    keys::{Keys, Signed, TestKey},
    soft::{Making, Soft, armored, line as key_line, string},
};

/// What both are asked.
pub(crate) struct Pair {
    /// `allowed_signers`.
    pub(crate) file: Vec<u8>,
    /// Who signed.
    pub(crate) principal: String,
    /// What it was signed as.
    pub(crate) kind: Kind,
    /// The document.
    pub(crate) message: Vec<u8>,
    /// Its signature.
    pub(crate) signature: Vec<u8>,
    /// When it is checked.
    pub(crate) at: Time,
    /// Whether the signature has a number of ed25519 that is not reduced.
    pub(crate) is_beyond: bool,
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        writeln!(f, "{} {:?} at {}", self.principal, self.kind, self.at)?;
        writeln!(f, "allowed_signers:\n{}", text(&self.file))?;
        writeln!(f, "message:\n{}", text(&self.message))?;
        write!(f, "signature:\n{}", text(&self.signature))
    }
}

const OVERSEERS: [&str; 3] = ["overseer/a", "overseer/b.1", "overseer/c-c"];
const OTHERS: [&str; 5] = [
    "requester/x",
    "requester/y",
    "operator/x",
    "carrier/y",
    "inspector/z",
];

/// A line before it is text.
struct Line {
    principals: Vec<&'static str>,
    kinds: Vec<Kind>,
    after: Option<String>,
    before: Option<String>,
    key: String,
}

/// What a pair is about.
struct Scene<'a> {
    is_overseer: bool,
    key: &'a TestKey,
    line: Line,
    principal: &'static str,
    kind: Kind,
    second: i64,
    hash: &'static str,
    message: Vec<u8>,
}

impl Pair {
    /// One of some sort: more than a third good, as many bad, the rest by a stricter rule.
    pub(crate) fn make(keys: &Keys, chance: &mut Chance, signed: &mut Signed) -> Self {
        let scene = Scene::make(keys, chance);
        match chance.below(20) {
            0..7 => scene.pair(keys, chance, signed),
            7..9 => scene.at_a_bound(keys, chance, signed),
            9..16 => scene.bad(keys, chance, signed),
            16..18 => scene.odd_file(keys, chance, signed),
            _ => scene.odd_signature(keys, chance, signed),
        }
    }
}

impl<'a> Scene<'a> {
    /// That is good.
    fn make(keys: &'a Keys, chance: &mut Chance) -> Self {
        let is_overseer = chance.once_in(2);
        let (names, pool): (&[_], _) = if is_overseer {
            (&OVERSEERS, &keys.overseers)
        } else {
            (&OTHERS, &keys.others)
        };
        let key = chance.one(pool);
        let principal = *chance.one(names);
        let kind = *chance.one(&[Kind::Approval, Kind::Stop, Kind::Consent]);
        let second = 1_780_000_000 + i64::try_from(chance.below(90_000_000)).unwrap();
        let mut line = any_line(is_overseer, &key.line(), chance);
        let place = chance.below(line.principals.len() + 1);
        line.principals.insert(place, principal);
        line.kinds.push(kind);
        let (early, late) = (chance.below(9_999_999), chance.below(9_999_999));
        let early = date(second - i64::try_from(early).unwrap(), chance).0;
        let late = date(second + 86_400 + i64::try_from(late).unwrap(), chance).0;
        line.after = chance.once_in(2).then_some(early);
        line.before = chance.once_in(2).then_some(late);
        let message = format!(
            "kind = \"{}\"\nnumber = {}\n",
            kind.name(),
            chance.below(24)
        );
        Self {
            is_overseer,
            key,
            line,
            principal,
            kind,
            second,
            hash: chance.one(&["sha512", "sha512", "sha256"]),
            message: message.into(),
        }
    }

    fn pair(&self, keys: &Keys, chance: &mut Chance, signed: &mut Signed) -> Pair {
        let namespace = self.kind.namespace();
        let signature = self.key.sign(namespace, self.hash, &self.message, signed);
        let below = u64::try_from(chance.below(1_000_000_000)).unwrap();
        Pair {
            file: self.file(keys, chance).into(),
            principal: self.principal.into(),
            kind: self.kind,
            message: self.message.clone(),
            signature: signature.into(),
            at: Time(u64::try_from(self.second).unwrap() * 1_000_000_000 + below),
            is_beyond: false,
        }
    }

    /// The line between others, in any order.
    fn file(&self, keys: &Keys, chance: &mut Chance) -> String {
        let mut lines = vec![self.line.text(chance)];
        for _ in 0..chance.below(5) {
            let text = match chance.below(6) {
                0 => String::new(),
                1 => "# a comment, \"quoted\" 関所".into(),
                // The same key again, with other terms.
                2 => any_line(self.is_overseer, &self.key.line(), chance).text(chance),
                _ => {
                    let is_overseer = chance.once_in(2);
                    let pool = [&keys.others, &keys.overseers][usize::from(is_overseer)];
                    let key = chance.one(pool).line();
                    any_line(is_overseer, &key, chance).text(chance)
                }
            };
            lines.insert(chance.below(lines.len() + 1), text);
        }
        lines.join("\n") + chance.one(&["\n", "\n", "\n\n", ""])
    }

    /// Checked at a bound, one second before it, or one after it.
    fn at_a_bound(mut self, keys: &Keys, chance: &mut Chance, signed: &mut Signed) -> Pair {
        let (text, bound) = date(self.second, chance);
        let (after, before) = match chance.below(3) {
            0 => (Some(text), None),
            1 => (None, Some(text)),
            _ => {
                let next = Timestamp::from_second(bound + 1).unwrap();
                let next = next.strftime("%Y%m%d%H%M%SZ").to_string();
                (Some(text), Some(next))
            }
        };
        (self.line.after, self.line.before) = (after, before);
        self.second = bound - 1 + i64::try_from(chance.below(4)).unwrap();
        self.pair(keys, chance, signed)
    }

    /// With something wrong that both have to see.
    fn bad(mut self, keys: &'a Keys, chance: &mut Chance, signed: &mut Signed) -> Pair {
        let other_kind = *chance.one(&[Kind::Request, Kind::Lift, Kind::Standing]);
        match chance.below(10) {
            0 => {
                self.key = chance.one(&keys.strangers);
                self.pair(keys, chance, signed)
            }
            1 => {
                let pool = [&keys.overseers, &keys.others][usize::from(self.is_overseer)];
                self.key = chance.one(pool);
                self.pair(keys, chance, signed)
            }
            2 => {
                self.line.kinds.retain(|kind| *kind != self.kind);
                self.line.kinds.push(other_kind);
                self.pair(keys, chance, signed)
            }
            3 => {
                let namespace = other_kind.namespace();
                let signature = self.key.sign(namespace, self.hash, &self.message, signed);
                let mut pair = self.pair(keys, chance, signed);
                pair.signature = signature.into();
                pair
            }
            4 => {
                let other = [OTHERS[3], OVERSEERS[2]][usize::from(!self.is_overseer)];
                self.principal = other;
                self.pair(keys, chance, signed)
            }
            5 => {
                self.line.after = None;
                self.line.before = Some(date(self.second - 86_400, chance).0);
                self.pair(keys, chance, signed)
            }
            altered => {
                let mut pair = self.pair(keys, chance, signed);
                match altered {
                    6 => alter(&mut pair.message, chance),
                    7 => pair.signature = altered_inside(&pair.signature, chance),
                    8 => alter(&mut pair.signature, chance),
                    _ => {
                        let end = chance.below(pair.signature.len());
                        pair.signature.truncate(end);
                    }
                }
                pair
            }
        }
    }

    /// With a file that ssh-keygen may read and we do not.
    fn odd_file(mut self, keys: &Keys, chance: &mut Chance, signed: &mut Signed) -> Pair {
        let key = self.key.line();
        let kind = self.kind.namespace();
        let principal = self.principal;
        let good = format!("namespaces=\"{kind}\"");
        let mut weak = [0; 32];
        weak[0] = 1;
        let weak = key_line(&[string(b"ssh-ed25519"), string(&weak)].concat());
        let other_role = if self.is_overseer {
            "carrier/q"
        } else {
            "overseer/q"
        };
        let name = principal.split_once('/').unwrap().1;
        let other_name = if self.is_overseer {
            "carrier"
        } else {
            "overseer"
        };
        let stranger = keys.strangers[0].line();
        let odd = match chance.below(26) {
            0 => format!("{principal} {key}"),
            1 => format!("* {good} {key}"),
            2 => format!("{principal},!overseer/q {good} {key}"),
            3 => format!("{principal} namespaces=\"sekisho-*\" {key}"),
            4 => format!("{principal} namespaces=\"{kind},file\" {key}"),
            5 => format!("{principal} {good} {}", keys.rsa.line()),
            6 => format!("{principal} {good},valid-after=\"20200101\" {key}"),
            7 => format!("{principal} {good},valid-before=\"20390101z\" {key}"),
            8 => format!("{principal} {good},valid-after=\"20200230Z\" {key}"),
            9 => format!("{principal} {good},valid-before=\"99991231Z\" {key}"),
            10 => format!("{principal} {good},valid-after=\"20200101000060Z\" {key}"),
            11 => format!("\"{principal}\" {good} {key}"),
            12 => format!("{principal} NAMESPACES=\"{kind}\" {key}"),
            13 => format!("{principal}\t{good} {key}"),
            14 => format!("{principal} {good} {key}\r"),
            15 => format!("{principal} cert-authority,{good} {key}"),
            16 => format!("{principal} no-touch-required,{good} {key}"),
            17 => format!("{principal} ,{good} {key}"),
            18 => format!("{principal} {good},{good} {key}"),
            19 => format!(
                "{principal} {good},valid-after=\"20260101Z\",valid-before=\"20260101Z\" {key}"
            ),
            20 => format!("a@example.net {good} {key}"),
            21 => format!("{principal} {good} {weak}"),
            22 => format!("{other_role} {good} {key}"),
            23 => format!("{other_name}/{name} {good} {stranger}"),
            24 => format!("{principal} namespaces={kind} {key}"),
            _ => format!("{principal} {good}"),
        };
        // Without the good line only the odd one can be what is taken.
        let is_alone = chance.once_in(3);
        if is_alone {
            self.line.key.clone_from(&stranger);
        }
        let mut pair = self.pair(keys, chance, signed);
        let last = if chance.once_in(20) {
            b"\n# \xff"
        } else {
            b"\n#  "
        };
        pair.file = if chance.once_in(2) {
            [odd.as_bytes(), b"\n", &pair.file, last].concat()
        } else {
            [&pair.file, b"\n".as_slice(), odd.as_bytes(), last].concat()
        };
        pair
    }

    /// With a signature that ssh-keygen may read and we do not.
    fn odd_signature(mut self, keys: &'a Keys, chance: &mut Chance, signed: &mut Signed) -> Pair {
        let odd = chance.below(18);
        // The places of the keys in software that the oddity is about: see `Soft::all`.
        let places: &[usize] = match odd {
            0..8 => &[0, 1, 2],
            11 => &[4, 5, 7],
            14 => &[3, 6],
            15.. => &[6, 7],
            _ => &[3, 4, 5, 6, 7],
        };
        let pool = [&keys.others, &keys.overseers][usize::from(self.is_overseer)];
        self.key = if odd == 0 {
            &keys.rsa
        } else {
            &pool[*chance.one(places)]
        };
        self.line.key = self.key.line();
        let mut pair = self.pair(keys, chance, signed);
        let text = String::from_utf8(pair.signature.clone()).unwrap();
        let soft = self.key.soft();
        let making = Making::of(self.kind.namespace());
        let remade = |soft: Option<&Soft>, making: Making| {
            soft.map_or_else(|| text.clone(), |soft| soft.sign(&making, &self.message))
        };
        let odd = match odd {
            0 => text,
            1 => format!("{text}behind\n"),
            2 => format!("{text}{text}"),
            3 => text.trim_end().into(),
            4 => text.replace("\n-----END", " \n-----END"),
            5 => text.replacen('\n', "\n\n", 1),
            6 => armored(&opened(&pair.signature), 64),
            7 => text.replace("\n-----END", "\r\n-----END"),
            8 => remade(
                soft,
                Making {
                    version: 0,
                    ..making
                },
            ),
            9 => remade(
                soft,
                Making {
                    version: 2,
                    ..making
                },
            ),
            10 => remade(
                soft,
                Making {
                    reserved: b"later",
                    ..making
                },
            ),
            11 => remade(soft, Making { zeros: 1, ..making }),
            12 => remade(
                soft,
                Making {
                    inside: b"x",
                    ..making
                },
            ),
            13 => remade(
                soft,
                Making {
                    behind: b"x",
                    ..making
                },
            ),
            14 => {
                pair.is_beyond = matches!(soft, Some(Soft::Ed25519(_) | Soft::SkEd25519(..)));
                remade(
                    soft,
                    Making {
                        is_beyond: true,
                        ..making
                    },
                )
            }
            15 => remade(
                soft,
                Making {
                    application: Some("ssh:q"),
                    ..making
                },
            ),
            _ => remade(
                soft,
                Making {
                    flags: 4,
                    counter: 9,
                    ..making
                },
            ),
        };
        pair.signature = odd.into();
        pair
    }
}

impl Line {
    fn text(&self, chance: &mut Chance) -> String {
        let namespaces: Vec<_> = self.kinds.iter().map(|kind| kind.namespace()).collect();
        let mut options = vec![format!("namespaces=\"{}\"", namespaces.join(","))];
        let dates = [("valid-after", &self.after), ("valid-before", &self.before)];
        for (name, date) in dates {
            if let Some(date) = date {
                let place = chance.below(options.len() + 1);
                options.insert(place, format!("{name}=\"{date}\""));
            }
        }
        let (lead, part) = (*chance.one(&["", "", " "]), *chance.one(&[" ", " ", "  "]));
        let comment = chance.one(&["", " a comment", " ", " x=\"y\" #"]);
        let principals = self.principals.join(",");
        let options = options.join(",");
        format!(
            "{lead}{principals}{part}{options}{part}{}{comment}",
            self.key
        )
    }
}

/// A line with terms by chance.
fn any_line(is_overseer: bool, key: &str, chance: &mut Chance) -> Line {
    let names: &[_] = if is_overseer { &OVERSEERS } else { &OTHERS };
    let count = 1 + chance.below(2);
    let second = 1_780_000_000 + i64::try_from(chance.below(90_000_000)).unwrap();
    let after = date(second, chance).0;
    let before = date(
        second + 90_000 + i64::try_from(chance.below(9_999_999)).unwrap(),
        chance,
    )
    .0;
    Line {
        principals: (0..count).map(|_| *chance.one(names)).collect(),
        kinds: (0..count).map(|_| *chance.one(&Kind::ALL)).collect(),
        after: chance.once_in(2).then_some(after),
        before: chance.once_in(2).then_some(before),
        key: key.into(),
    }
}

/// A date not later than a second, in one of the three forms, and the second that it is.
fn date(second: i64, chance: &mut Chance) -> (String, i64) {
    let (step, form) = *chance.one(&[
        (86_400, "%Y%m%dZ"),
        (60, "%Y%m%d%H%MZ"),
        (1, "%Y%m%d%H%M%SZ"),
    ]);
    let second = second / step * step;
    let timestamp = Timestamp::from_second(second).unwrap();
    (timestamp.strftime(form).to_string(), second)
}

/// Another bit somewhere.
fn alter(bytes: &mut [u8], chance: &mut Chance) {
    let at = chance.below(bytes.len());
    bytes[at] ^= 1 << chance.below(8);
}

fn altered_inside(signature: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut blob = opened(signature);
    alter(&mut blob, chance);
    armored(&blob, 70).into()
}

fn opened(signature: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(signature);
    let digits: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    Base64::decode_vec(&digits).unwrap()
}
