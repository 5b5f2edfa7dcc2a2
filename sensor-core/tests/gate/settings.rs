//! For each sort of paper a world with a good one, whose effect can be seen.

use sensor_core::documents::Kind;

use crate::{
    table::Of,
    world::{self, REQUEST_TRANSIT, World, approval, key, keyring, line, line_with, standing},
};

/// A world with a good paper of a sort.
pub(crate) struct Setting {
    pub(crate) of: Of,
    pub(crate) world: World,
    /// The paper.
    pub(crate) file: &'static str,
    /// It and what hangs on it: without these nothing of it is left.
    pub(crate) files: &'static [&'static str],
    /// Who signs it.
    pub(crate) signers: &'static [&'static str],
    /// Who may not.
    pub(crate) stranger: &'static str,
    /// Its number.
    pub(crate) number: u64,
    /// The highest that was admitted before it; 0 where there is none.
    pub(crate) highest: u64,
}

const TWO: &[&str] = &["overseer/ai", "overseer/bo"];

impl Setting {
    /// The name of the file of its first signature.
    pub(crate) fn signature(&self) -> String {
        beside(self.file, self.signers[0])
    }

    /// The highest number that it may have.
    pub(crate) fn most(&self) -> u64 {
        match self.highest {
            0 => 1_000_000,
            highest => highest + 1000,
        }
    }

    /// Of a sort.
    pub(crate) fn of(of: Of) -> Self {
        let mut world = World::new();
        let (file, files, signers, stranger, number, highest): (_, &'static [_], _, _, _, _) =
            match of {
                Of::Kind(Kind::Keyring) => {
                    let text = keyring(2, Some("keyring-1.toml"));
                    world.paper("keyring-2.toml", TWO, &text);
                    (
                        "keyring-2.toml",
                        &["keyring-2.toml"],
                        TWO,
                        "carrier/isp",
                        2,
                        1,
                    )
                }
                Of::Kind(Kind::Policy) => {
                    let text = world::POLICY.replace("number = 1", "number = 2");
                    let text = text.replace("P90D", "P60D");
                    world.paper("policy-2.toml", TWO, &text);
                    (
                        "policy-2.toml",
                        &["policy-2.toml"],
                        TWO,
                        "inspector/ken",
                        2,
                        1,
                    )
                }
                Of::Kind(Kind::Territory) => {
                    let text = world::territory(2, "2026-11-21").write();
                    world.paper("territory-2.toml", TWO, &text);
                    (
                        "territory-2.toml",
                        &["territory-2.toml"],
                        TWO,
                        "requester/npa",
                        2,
                        1,
                    )
                }
                Of::Kind(Kind::Exclusion) => {
                    let text = EXCLUSION;
                    world.paper("exclusion-2.toml", TWO, text);
                    (
                        "exclusion-2.toml",
                        &["exclusion-2.toml"],
                        TWO,
                        "operator/power",
                        2,
                        1,
                    )
                }
                Of::Kind(Kind::Revocation) => {
                    world.paper("revocation-1.toml", &["overseer/chi"], REVOCATION);
                    let files = &["revocation-1.toml"];
                    (
                        "revocation-1.toml",
                        files,
                        &["overseer/chi"],
                        "inspector/ken",
                        1,
                        0,
                    )
                }
                Of::Kind(Kind::Stop) => {
                    world.paper("stop-1.toml", &["carrier/isp"], STOP);
                    (
                        "stop-1.toml",
                        &["stop-1.toml"],
                        &["carrier/isp"],
                        "requester/npa",
                        1,
                        0,
                    )
                }
                Of::Kind(Kind::Lift) => {
                    world.paper("stop-1.toml", &["carrier/isp"], STOP);
                    world.paper("lift-1.toml", TWO, LIFT);
                    ("lift-1.toml", &["lift-1.toml"], TWO, "carrier/isp", 1, 0)
                }
                Of::Kind(Kind::Consent) => {
                    world.paper("consent-2.toml", &["operator/water"], CONSENT);
                    let files = &["consent-2.toml"];
                    (
                        "consent-2.toml",
                        files,
                        &["operator/water"],
                        "carrier/isp",
                        1,
                        0,
                    )
                }
                Of::Kind(Kind::Request) => {
                    let text = request(4, "R-4");
                    world.paper("request-4.toml", &["requester/npa"], &text);
                    world.paper("approval-4.toml", TWO, &approval(4, "request-4.toml"));
                    let files = &["request-4.toml", "approval-4.toml"];
                    (
                        "request-4.toml",
                        files,
                        &["requester/npa"],
                        "overseer/ai",
                        4,
                        3,
                    )
                }
                Of::Extension => {
                    let parent = "requester = \"npa\"\nparent = \"{{request-1.toml}}\"";
                    let text = request(4, "R-1.2").replace("requester = \"npa\"", parent);
                    world.paper("request-4.toml", &["requester/npa"], &text);
                    world.paper("approval-4.toml", TWO, &approval(4, "request-4.toml"));
                    let files = &["request-4.toml", "approval-4.toml"];
                    (
                        "request-4.toml",
                        files,
                        &["requester/npa"],
                        "inspector/ken",
                        4,
                        3,
                    )
                }
                Of::Kind(Kind::Approval) => {
                    let text = request(4, "R-4");
                    world.paper("request-4.toml", &["requester/npa"], &text);
                    world.paper("approval-4.toml", TWO, &approval(4, "request-4.toml"));
                    (
                        "approval-4.toml",
                        &["approval-4.toml"],
                        TWO,
                        "requester/npa",
                        4,
                        3,
                    )
                }
                Of::Kind(Kind::Standing) => {
                    let text = standing(2, "keyring-1.toml", &[]).replace("-26T", "-27T");
                    world.paper("standing-2.toml", &["overseer/chi"], &text);
                    let files = &["standing-2.toml"];
                    (
                        "standing-2.toml",
                        files,
                        &["overseer/chi"],
                        "inspector/ken",
                        2,
                        1,
                    )
                }
                Of::Kind(Kind::Finding) => {
                    world.paper("finding-1.toml", &["inspector/ken"], FINDING);
                    let files = &["finding-1.toml"];
                    (
                        "finding-1.toml",
                        files,
                        &["inspector/ken"],
                        "carrier/isp",
                        1,
                        0,
                    )
                }
            };
        let mut setting = Self {
            of,
            world,
            file,
            files,
            signers,
            stranger,
            number,
            highest,
        };
        setting.add_keys();
        setting
    }

    /// More keys of those who sign it: one that has ended, one that has not begun, one for other
    /// kinds, and one that has to be touched.
    fn add_keys(&mut self) {
        let mut lines = self.world.texts["allowed_signers"].clone();
        for signer in self.signers {
            let more = |name: &str| key(&format!("{signer}:{name}"));
            lines += &line_with(signer, "valid-before=\"20261101Z\"", &more("old"));
            lines += &line_with(signer, "valid-after=\"20270101Z\"", &more("new"));
            let own = self.of.kind().namespace();
            let narrow = line_with(signer, "", &more("narrow"));
            let is_last = narrow.contains(&format!("{own}\""));
            let (from, to) = if is_last {
                (format!(",{own}\""), "\"".to_owned())
            } else {
                (format!("{own},"), String::new())
            };
            lines += &narrow.replace(&from, &to);
            lines += &line_with(signer, "", &key(&format!("sk:{signer}")));
        }
        lines += &line("overseer/dai", "");
        self.world.file("allowed_signers", &lines);
    }
}

/// The name of the file of a signature.
pub(crate) fn beside(file: &str, principal: &str) -> String {
    format!("{file}.sig.{}", principal.replace('/', "_"))
}

/// A request for transit with another number and name.
pub(crate) fn request(number: u64, id: &str) -> String {
    let text = REQUEST_TRANSIT.replace("number = 1", &format!("number = {number}"));
    text.replace("\"R-1\"", &format!("\"{id}\""))
}

pub(crate) const EXCLUSION: &str = r#"kind = "exclusion"
number = 2
reason = "a newspaper"
prefixes = ["9.2.0.0/16"]
"#;

pub(crate) const REVOCATION: &str = r#"kind = "revocation"
number = 1
revokes = "{{approval-1.toml}}"
reason = "it is no longer needed"
"#;

pub(crate) const STOP: &str = r#"kind = "stop"
number = 1
reason = "the network is overloaded"
"#;

pub(crate) const LIFT: &str = r#"kind = "lift"
number = 1
lifts = "{{stop-1.toml}}"
reason = "it was looked into"
"#;

pub(crate) const CONSENT: &str = r#"kind = "consent"
number = 1
operator = "water"
prefixes = ["133.20.0.0/17"]
from = "2026-11-01T00:00:00Z"
until = "2027-03-01T00:00:00Z"

[[interface]]
name = "r0"
mac = "02:00:00:00:00:01"
bus = "virtual"
"#;

pub(crate) const FINDING: &str = r#"kind = "finding"
number = 1
step = "found"
at = "2026-11-22T10:00:00Z"
finding = "notice"
concerns = "approval 1"
public = "an indicator was too broad"
"#;
