//! Commands for papers: what people draft, sign with `ssh-keygen` and check.
//!
//! Keys are made anew for each test, so what is a hash of them is filtered out.

mod answers;
mod keys;
mod requests;
mod short;
mod standing;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use sensor_tests::{
    command::{self, Printed},
    requires,
};
use tempfile::TempDir;

/// A moment at which all is in force.
const NOW: &str = "2026-07-10T00:00:00Z";

/// Fingerprint of the sensor's log key.
const SENSOR: &str = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

const KINDS: [&str; 12] = [
    "keyring",
    "policy",
    "territory",
    "exclusion",
    "revocation",
    "stop",
    "lift",
    "consent",
    "request",
    "approval",
    "standing",
    "finding",
];

const PEOPLE: [&str; 7] = [
    "overseer/ai",
    "overseer/bo",
    "overseer/chi",
    "requester/npa",
    "operator/power",
    "carrier/isp",
    "inspector/ken",
];

const REQUEST: &str = "request new --number 1 --id R-1 --requester npa --class transit \
    --direction through --sensor SENSOR --field ports --field protocol --recipient NPA \
    --necessity 'the only way' --alternatives 'asking the hosters' --threat T-1 --severity high \
    --expected-volume '10 a day' --from 2026-07-05T00:00:00Z --until 2026-10-05T00:00:00Z \
    --retention P30D --interface r0=02:00:00:00:00:01@virtual";

/// A folder with keys and papers, in which commands run.
struct Desk {
    folder: TempDir,
}

impl Desk {
    /// With keys, `allowed_signers` and feeds, and no document.
    fn empty() -> Self {
        let desk = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(desk.path().join("keys")).unwrap();
        let namespaces = KINDS.map(|kind| format!("sekisho-{kind}")).join(",");
        let mut signers = String::new();
        for person in PEOPLE {
            let key = desk.key(person);
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", person, "-f"])
                .arg(&key)
                .status();
            assert!(made.unwrap().success());
            let public = desk.read(&format!("{}.pub", key.display()));
            let public: Vec<&str> = public.split(' ').take(2).collect();
            let public = public.join(" ");
            let line = [person, " namespaces=\"", &namespaces, "\" ", &public, "\n"];
            signers.push_str(&line.concat());
        }
        desk.write("allowed_signers", &signers);
        desk.write("feed.txt", "8.8.8.8 5\n8.8.4.4 3\n9.9.9.0/24 1\n");
        desk
    }

    /// With all that lets request 1 be approved, and its approval.
    fn new() -> Self {
        let desk = Self::empty();
        desk.well(
            "keyring new --signers allowed_signers --overseers 2 --operator power=133.10.0.0/16 \
             --sensor tokyo-1=SENSOR --output keyring-1.toml",
        );
        desk.well(
            "policy new --number 1 --signatures transit=2 --signatures infrastructure=2 \
             --signatures relay=2 --longest transit=P6M --longest infrastructure=P1Y \
             --longest relay=P3M --retention P90D --territory-age P30D --output policy-1.toml",
        );
        desk.write("domestic.txt", "133.0.0.0/8\n");
        desk.write("foreign.txt", "8.0.0.0/7\n");
        desk.well(
            "territory build --number 1 --domestic JP --date 2026-07-01 \
             --cidr domestic=domestic.txt --cidr foreign=foreign.txt --output territory-1.toml",
        );
        desk.well(
            "exclusion new --number 1 --prefix 9.1.0.0/16 --reason 'a hospital' \
             --output exclusion-1.toml",
        );
        desk.well(&format!(
            "{REQUEST} --feed feed.txt --least-count 2 --output request-1.toml"
        ));
        desk.well(
            "approval new --number 1 --request request-1.toml --reason necessary \
             --until 2026-09-01T00:00:00Z --output approval-1.toml",
        );
        for document in ["policy-1", "territory-1", "exclusion-1", "approval-1"] {
            desk.sign(document, &["overseer/ai", "overseer/bo"]);
        }
        desk.sign("request-1", &["requester/npa"]);
        desk
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn key(&self, person: &str) -> PathBuf {
        self.path().join("keys").join(person.replace('/', "_"))
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        sekisho::capped::read_to_string(self.path().join(name), 1 << 20).unwrap()
    }

    /// Changes a file.
    fn replace(&self, name: &str, old: &str, new: &str) {
        let text = self.read(name);
        assert!(text.contains(old), "{name} has no {old}");
        self.write(name, &text.replacen(old, new, 1));
    }

    /// Runs a command line of a shell in the folder: `SENSOR` and `ROOT` stand for what they say.
    fn run(&self, words: &str) -> Printed {
        let mut words = words.replace("SENSOR", SENSOR);
        if words.contains("ROOT") {
            let printed = self.run("keyring show keyring-1.toml --json");
            let shown: serde_json::Value = serde_json::from_str(&printed.stdout).unwrap();
            words = words.replace("ROOT", shown["sha256"].as_str().unwrap());
        }
        let mut shell = Command::new("sh");
        shell
            .current_dir(self.path())
            .arg("-c")
            .arg(format!("\"$0\" {words}"))
            .arg(requires::binary());
        command::run(&mut shell)
    }

    /// Runs a command that has to succeed.
    fn well(&self, words: &str) -> Printed {
        let printed = self.run(words);
        assert_eq!(printed.status, Some(0), "{words}: {}", printed.whole());
        printed
    }

    /// Signs a document by the very line that is printed for it.
    fn sign(&self, document: &str, people: &[&str]) {
        for person in people {
            let key = self.key(person);
            let line = self.well(&format!(
                "sign-help {document}.toml --principal {person} --key {}",
                key.display()
            ));
            let mut shell = Command::new("sh");
            shell.current_dir(self.path()).args(["-c", &line.stdout]);
            command::expect(&mut shell);
        }
    }

    /// All of what commands that fail plainly with a status say.
    fn refusals(&self, status: i32, lines: &[&str]) -> String {
        let mut told = String::new();
        for words in lines {
            let printed = self.run(words);
            assert_eq!(printed.status, Some(status), "{words}: {}", printed.whole());
            assert_eq!(printed.stdout, "", "{words}");
            let said: Vec<&str> = (printed.stderr.lines())
                .take_while(|line| !line.is_empty())
                .collect();
            told.push_str(&said.join(" "));
            told.push('\n');
        }
        told
    }
}

/// Filters what is another for other keys.
fn filtered() -> insta::internals::SettingsBindDropGuard {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\b[0-9a-f]{64}\b", "[SHA256]");
    settings.add_filter(r"\b[0-9a-f]{12}\b", "[SHA]");
    settings.add_filter("SHA256:A{43}", "[SENSOR]");
    settings.add_filter("SHA256:[A-Za-z0-9+/]{43}", "[KEY]");
    settings.add_filter(r"/tmp/[^/ ]+/", "[FOLDER]/");
    settings.bind_to_scope()
}
