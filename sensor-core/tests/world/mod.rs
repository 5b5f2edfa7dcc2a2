//! A world of papers: people with keys, and every kind of document, signed as it has to be.
//!
//! A test changes one thing and says what has to come of it. Documents are templates: `{{NAME}}`
//! becomes the SHA-256 of the file NAME as it is in the end, so a change of one document goes
//! through all that name it, as if the people had written and signed it so.

#[path = "../ssh_keygen/soft.rs"]
#[expect(dead_code, reason = "not every test makes every key")]
pub(crate) mod soft;
mod texts;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use sensor_core::{
    documents::{
        Decision, Digest, Folder, Gate, Identity, Kind, Refusal, Shelf, Time, indicators,
        journal::Arrival, paper,
    },
    places::{
        Country, Territory,
        territory::{Placed, Row, Source, SourceKind},
    },
};
use sha2::Digest as _;
use soft::{Making, Soft};
pub(crate) use texts::{
    CONSENT, EXCLUSION, POLICY, REQUEST_INFRASTRUCTURE, REQUEST_RELAY, REQUEST_TRANSIT,
};

/// The moment of the world.
pub(crate) const NOW: &str = "2026-11-22T12:00:00Z";

/// Fingerprint of this sensor's log key.
pub(crate) const LOG_KEY: &str = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Fingerprint of another sensor's log key.
pub(crate) const OTHER_LOG_KEY: &str = "SHA256:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";

/// Who signs by default what; each with the key of the same name.
const PEOPLE: [&str; 8] = [
    "overseer/ai",
    "overseer/bo",
    "overseer/chi",
    "requester/npa",
    "operator/power",
    "operator/water",
    "carrier/isp",
    "inspector/ken",
];

/// Papers before they are signed.
#[derive(Clone)]
pub(crate) struct World {
    /// Templates of documents and other files, by name.
    pub(crate) texts: BTreeMap<String, String>,
    /// Who signs which document.
    pub(crate) signers: BTreeMap<String, Vec<Signing>>,
    /// What is done to the files at the very end.
    edits: Vec<Edit>,
    /// The first keyring by which the sensor was set up; of the world unless it is another.
    pub(crate) root: Option<Digest>,
}

/// A signature to be made.
#[derive(Clone)]
pub(crate) struct Signing {
    /// In the name of the file.
    pub(crate) principal: String,
    /// Whose key it is.
    pub(crate) key: String,
    /// How it is made.
    pub(crate) making: Making,
}

type Edit = std::rc::Rc<dyn Fn(&mut BTreeMap<String, Vec<u8>>)>;

/// Papers as a sensor finds them.
#[derive(Clone)]
pub(crate) struct Papers {
    pub(crate) identity: Identity,
    pub(crate) folder: Folder,
}

/// What a sensor that sees them makes of them.
pub(crate) struct Seen {
    pub(crate) gate: Gate,
    pub(crate) arrivals: Vec<Arrival>,
    pub(crate) decision: Decision,
}

pub(crate) fn time(text: &str) -> Time {
    text.parse().expect("a moment")
}

/// The key of a person, the same for the same name.
pub(crate) fn key(of: &str) -> Soft {
    let secret: [u8; 32] = sha2::Sha256::digest(of).into();
    let ed25519 = ed25519_dalek::SigningKey::from_bytes(&secret);
    match of.strip_prefix("sk:") {
        Some(_) => Soft::SkEd25519(ed25519, "ssh:".into()),
        None => Soft::Ed25519(ed25519),
    }
}

/// A signature; the same one is made once.
fn signed(of: &str, making: &Making, text: &str) -> String {
    thread_local! {
        static MADE: RefCell<HashMap<(String, Digest), String>> = RefCell::default();
    }
    let name = (format!("{of} {making:?}"), Digest::of(text.as_bytes()));
    MADE.with_borrow_mut(|made| {
        let sign = || key(of).sign(making, text.as_bytes());
        made.entry(name).or_insert_with(sign).clone()
    })
}

/// The same bytes in the same place, so that a shelf knows them again.
fn kept(bytes: Vec<u8>) -> Arc<[u8]> {
    thread_local! {
        static KEPT: RefCell<HashSet<Arc<[u8]>>> = RefCell::default();
    }
    KEPT.with_borrow_mut(|kept| {
        if let Some(bytes) = kept.get(&*bytes) {
            return bytes.clone();
        }
        let bytes: Arc<[u8]> = bytes.into();
        kept.insert(bytes.clone());
        bytes
    })
}

/// A line of allowed signers, for every kind of document.
pub(crate) fn line(principal: &str, options: &str) -> String {
    line_with(principal, options, &key(principal))
}

/// A line of allowed signers with a key.
pub(crate) fn line_with(principal: &str, options: &str, key: &Soft) -> String {
    let namespaces = Kind::ALL.map(Kind::namespace).join(",");
    let comma = if options.is_empty() { "" } else { "," };
    let key = key.line();
    format!("{principal} namespaces=\"{namespaces}\"{comma}{options} {key}\n")
}

impl World {
    /// In which three requests are approved, one of each class, and all is in order.
    pub(crate) fn new() -> Self {
        let mut world = Self {
            texts: BTreeMap::new(),
            signers: BTreeMap::new(),
            edits: Vec::new(),
            root: None,
        };
        let lines: String = PEOPLE.iter().map(|person| line(person, "")).collect();
        world.file("allowed_signers", &lines);
        world.file("feed.txt", "8.8.8.8 5\n8.8.4.4 3\n9.9.9.0/24 1\n");
        let overseers = ["overseer/ai", "overseer/bo"];
        world.paper("keyring-1.toml", &[], &keyring(1, None));
        world.paper("policy-1.toml", &overseers, POLICY);
        world.paper(
            "territory-1.toml",
            &overseers,
            &territory(1, "2026-11-20").write(),
        );
        world.paper("exclusion-1.toml", &overseers, EXCLUSION);
        world.paper("consent-1.toml", &["operator/power"], CONSENT);
        world.paper("request-1.toml", &["requester/npa"], REQUEST_TRANSIT);
        world.paper(
            "approval-1.toml",
            &overseers,
            &approval(1, "request-1.toml"),
        );
        world.paper("request-2.toml", &["requester/npa"], REQUEST_INFRASTRUCTURE);
        world.paper(
            "approval-2.toml",
            &overseers,
            &approval(2, "request-2.toml"),
        );
        world.paper("request-3.toml", &["requester/npa"], REQUEST_RELAY);
        world.paper(
            "approval-3.toml",
            &overseers,
            &approval(3, "request-3.toml"),
        );
        world.paper(
            "standing-1.toml",
            &["overseer/chi"],
            &standing(1, "keyring-1.toml", &[]),
        );
        world
    }

    /// Adds a document and who signs it, or puts it in the place of the one of this name.
    pub(crate) fn paper(&mut self, name: &str, signers: &[&str], text: &str) -> &mut Self {
        self.texts.insert(name.into(), text.into());
        self.sign(name, signers)
    }

    /// Adds a file that is no document.
    pub(crate) fn file(&mut self, name: &str, text: &str) -> &mut Self {
        self.texts.insert(name.into(), text.into());
        self
    }

    /// Lets these sign a document, and nobody else.
    pub(crate) fn sign(&mut self, name: &str, signers: &[&str]) -> &mut Self {
        let namespace = format!("sekisho-{}", name.split(['-', '.']).next().unwrap());
        let signings = signers.iter().map(|principal| Signing {
            principal: (*principal).into(),
            key: (*principal).into(),
            making: Making::of(&namespace),
        });
        self.signers.insert(name.into(), signings.collect());
        self
    }

    /// Changes how signatures of a document are made.
    pub(crate) fn signing(&mut self, name: &str, change: impl Fn(&mut Signing)) -> &mut Self {
        self.signers
            .get_mut(name)
            .unwrap()
            .iter_mut()
            .for_each(change);
        self
    }

    /// Writes something else in a document before it is signed.
    pub(crate) fn replace(&mut self, name: &str, old: &str, new: &str) -> &mut Self {
        let text = self.texts.get_mut(name).unwrap();
        assert!(text.contains(old), "{name} has no {old:?}");
        *text = text.replacen(old, new, 1);
        self
    }

    /// Does something to the files when everything is signed.
    pub(crate) fn after(
        &mut self,
        edit: impl Fn(&mut BTreeMap<String, Vec<u8>>) + 'static,
    ) -> &mut Self {
        self.edits.push(std::rc::Rc::new(edit));
        self
    }

    /// The papers, signed.
    pub(crate) fn papers(&self) -> Papers {
        let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut done: BTreeMap<String, String> = BTreeMap::new();
        for name in self.texts.keys() {
            self.fill(name, &mut done, &mut BTreeSet::new());
        }
        for (name, text) in &done {
            for Signing {
                principal,
                key: of,
                making,
            } in self.signers.get(name).into_iter().flatten()
            {
                let signature = signed(of, making, text);
                let beside = format!("{name}.sig.{}", principal.replace('/', "_"));
                files.insert(beside, signature.into_bytes());
            }
            files.insert(name.clone(), text.clone().into_bytes());
        }
        let root = self
            .root
            .unwrap_or_else(|| Digest::of(&files["keyring-1.toml"]));
        for edit in &self.edits {
            edit(&mut files);
        }
        let files = files.into_iter().map(|(name, bytes)| (name, kept(bytes)));
        Papers {
            identity: Identity {
                root,
                log_key: LOG_KEY.to_owned().try_into().unwrap(),
            },
            folder: Folder {
                files: files.collect(),
            },
        }
    }

    /// What a sensor makes of them that sees them for the first time.
    pub(crate) fn seen(&self) -> Seen {
        self.papers().seen(&[], NOW)
    }

    /// The same without these papers, and without what is done to the files at the end.
    pub(crate) fn without(&self, names: &[&str]) -> Self {
        let mut world = self.clone();
        world.edits.clear();
        for name in names {
            world.texts.remove(*name);
            world.signers.remove(*name);
        }
        world
    }

    fn fill(&self, name: &str, done: &mut BTreeMap<String, String>, within: &mut BTreeSet<String>) {
        if done.contains_key(name) {
            return;
        }
        assert!(within.insert(name.into()), "{name} names itself");
        let mut text = self
            .texts
            .get(name)
            .unwrap_or_else(|| panic!("no {name}"))
            .clone();
        while let Some(start) = text.find("{{") {
            let end = start + text[start..].find("}}").unwrap();
            let other = text[start + 2..end].to_owned();
            self.fill(&other, done, within);
            let digest = Digest::of(done[&other].as_bytes());
            text.replace_range(start..end + 2, &digest.to_string());
        }
        within.remove(name);
        done.insert(name.into(), text);
    }
}

impl Papers {
    /// What a sensor makes of them at a moment, after what it has logged.
    pub(crate) fn seen(&self, logged: &[Arrival], now: &str) -> Seen {
        self.seen_with(&mut Shelf::default(), logged, now)
    }

    /// The same with what was read before.
    pub(crate) fn seen_with(&self, cache: &mut Shelf, logged: &[Arrival], now: &str) -> Seen {
        let now = time(now);
        let (gate, arrivals) = Gate::open(&self.identity, logged, &self.folder, cache, now);
        let decision = gate.decide(now);
        Seen {
            gate,
            arrivals,
            decision,
        }
    }
}

impl Seen {
    /// The names of what is in force; empty also where nothing is attended.
    pub(crate) fn in_force(&self) -> Vec<&str> {
        match self.decision.attended {
            sensor_core::documents::Attended::Until(_) => self
                .decision
                .granted
                .iter()
                .map(|granted| granted.id.as_str())
                .collect(),
            sensor_core::documents::Attended::Not(_) => Vec::new(),
        }
    }

    /// Everything that is refused: documents, recording itself, and approvals not in force.
    pub(crate) fn refusals(&self, now: &str) -> Vec<Refusal> {
        let mut all = self.gate.refusals().to_vec();
        if let sensor_core::documents::Attended::Not(reasons) = &self.decision.attended {
            all.extend(reasons.iter().cloned());
        }
        let listed = self.gate.approvals(time(now)).into_iter();
        all.extend(listed.filter_map(|listed| listed.granted.err()));
        all
    }
}

/// A keyring with its number, and the file of the one before it.
pub(crate) fn keyring(number: u64, previous: Option<&str>) -> String {
    let previous = previous.map_or(String::new(), |name| {
        format!("previous = \"{{{{{name}}}}}\"\n")
    });
    format!(
        r#"kind = "keyring"
number = {number}
{previous}allowed_signers = "{{{{allowed_signers}}}}"
overseers = 2

[[operator]]
name = "power"
prefixes = ["133.10.0.0/16", "2001:200:10::/48"]

[[operator]]
name = "water"
prefixes = ["133.20.0.0/16"]

[[sensor]]
name = "tokyo-1"
log_key = "{LOG_KEY}"

[[sensor]]
name = "osaka-1"
log_key = "{OTHER_LOG_KEY}"
"#
    )
}

/// A territory of a day.
pub(crate) fn territory(number: u64, date: &str) -> Territory {
    let row = |(line, prefix, place, source): (u32, &str, Placed, u32)| Row {
        prefix: prefix.parse().unwrap(),
        place,
        source,
        line,
    };
    let source = |file: &str, place| Source {
        file: file.into(),
        kind: SourceKind::Cidr { place },
        sha256: Digest::of(file.as_bytes()).to_string(),
    };
    let rows = [
        (1, "8.0.0.0/7", Placed::Foreign, 2),
        (2, "133.0.0.0/8", Placed::Domestic, 1),
        (3, "2001:200::/32", Placed::Domestic, 1),
        (4, "2a00::/12", Placed::Foreign, 2),
    ];
    Territory {
        number,
        domestic: vec!["JP".parse::<Country>().unwrap()],
        special_purpose: "2025-10-09".into(),
        date: date.into(),
        sources: vec![
            source("domestic.txt", Placed::Domestic),
            source("foreign.txt", Placed::Foreign),
        ],
        rows: rows.map(row).into(),
    }
}

/// An approval of a request, as it was asked for.
pub(crate) fn approval(number: u64, request: &str) -> String {
    format!(
        r#"kind = "approval"
number = {number}
request = "{{{{{request}}}}}"
decision = "granted"
reason = "necessary and proportionate"
"#
    )
}

/// A request with its indicators in a feed instead.
pub(crate) fn with_feed(request: &str, file: &str, feed: &str, least_count: u64) -> String {
    let name = file.to_owned().try_into().unwrap();
    let mapping = paper::Mapping { least_count };
    let feed = indicators::bind(name, feed.as_bytes(), paper::Format::Plain, mapping);
    let inline = request.find("[[indicator]]").unwrap();
    let paper::Feed {
        sha256,
        count,
        set_sha256,
        ..
    } = feed;
    format!(
        "{}[feed]\nfile = \"{file}\"\nsha256 = \"{sha256}\"\nformat = \"plain\"\n\
         mapping = {{ least_count = {least_count} }}\ncount = {count}\n\
         set_sha256 = \"{set_sha256}\"\n",
        &request[..inline]
    )
}

/// A standing of six days around the moment of the world.
pub(crate) fn standing(number: u64, keyring: &str, revoked: &[&str]) -> String {
    let revoked: Vec<String> = revoked
        .iter()
        .map(|name| format!("\"{{{{{name}}}}}\""))
        .collect();
    let revoked = revoked.join(", ");
    format!(
        r#"kind = "standing"
number = {number}
from = "2026-11-20T00:00:00Z"
until = "2026-11-26T00:00:00Z"
keyring = "{{{{{keyring}}}}}"
policy = "{{{{policy-1.toml}}}}"
territory = "{{{{territory-1.toml}}}}"
exclusions = ["{{{{exclusion-1.toml}}}}"]
revoked = [{revoked}]
"#
    )
}
