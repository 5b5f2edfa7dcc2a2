use std::os::unix::fs::PermissionsExt as _;

use proptest::prelude::*;

use super::*;

fn approval(name: &str) -> ApprovalId {
    ApprovalId(name.into())
}

fn domestic(text: &str) -> Endpoint {
    Endpoint::Domestic(text.parse().unwrap())
}

/// What the draft's own example gives: Appendix of draft-denis-ipcrypt, `ipcrypt-deterministic`.
#[test]
fn the_scheme_is_the_published_one() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    let mut pseudonyms = Pseudonyms::in_folder(&keys).unwrap();
    let file = keys.join("a.key");
    fs::write(&file, "0123456789abcdeffedcba9876543210\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    pseudonyms.prepare(&approval("a")).unwrap();
    let given = pseudonyms.address(&approval("a"), domestic("0.0.0.0"));
    let expected: std::net::Ipv6Addr = "bde9:6789:d353:824c:d7c6:f58a:6bd2:26eb".parse().unwrap();
    assert_eq!(given, Address::Pseudonym(Pseudonym(expected.octets())));
    assert_eq!(
        given.to_string(),
        "pseudonym:bde96789d353824cd7c6f58a6bd226eb"
    );
    assert!(given.to_string().parse::<IpAddr>().is_err());
}

#[test]
fn a_key_is_made_once_and_is_nobody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("deep/keys");
    let seen = |name: &str| {
        let mut pseudonyms = Pseudonyms::in_folder(&keys).unwrap();
        pseudonyms.prepare(&approval(name)).unwrap();
        pseudonyms.address(&approval(name), domestic("198.51.100.7"))
    };
    let first = seen("2026-1");
    assert!(matches!(first, Address::Pseudonym(_)));
    assert_eq!(seen("2026-1"), first);
    assert_ne!(seen("2026-2"), first);
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(
        (mode(&keys), mode(&keys.join("2026-1.key"))),
        (0o700, 0o600)
    );
    let mut left: Vec<_> = (fs::read_dir(&keys).unwrap())
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["2026-1.key", "2026-2.key"]);
}

#[test]
fn a_key_that_others_read_or_that_is_none_is_refused_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    let mut pseudonyms = Pseudonyms::in_folder(&keys).unwrap();
    let file = keys.join("a.key");
    let mut refused = |text: &str, mode| {
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let error = pseudonyms.prepare(&approval("a")).unwrap_err().to_string();
        assert_eq!(
            pseudonyms.address(&approval("a"), domestic("198.51.100.7")),
            Address::Withheld
        );
        error.replace(file.to_str().unwrap(), "FILE")
    };
    let good = "0123456789abcdef0123456789abcdef\n";
    assert_eq!(
        refused(good, 0o640),
        "the key for pseudonyms FILE: others may read or change it; let it belong to the user who \
         runs the sensor, and to nobody else (chmod 600 FILE)"
    );
    for bad in [
        "",
        "0123",
        "0123456789ABCDEF0123456789abcdef",
        "+123456789abcdef0123456789abcdef",
    ] {
        let text = refused(bad, 0o600);
        assert!(text.contains("is not 32 hexadecimal digits"), "{text}");
    }
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("/dev/null", &file).unwrap();
    let error = pseudonyms.prepare(&approval("a")).unwrap_err().to_string();
    assert!(error.contains("it is a symbolic link"), "{error}");
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o755)).unwrap();
    let error = Pseudonyms::in_folder(&keys).unwrap_err().to_string();
    assert!(error.contains("chmod 700"), "{error}");
}

#[test]
fn without_a_key_an_address_is_withheld_and_foreign_ones_stay_clear() {
    let mut none = Pseudonyms::none();
    none.prepare(&approval("a")).unwrap();
    assert_eq!(
        none.address(&approval("a"), domestic("198.51.100.7")),
        Address::Withheld
    );
    let foreign: IpAddr = "192.0.2.1".parse().unwrap();
    assert_eq!(
        none.address(&approval("a"), Endpoint::Foreign(foreign)),
        Address::Foreign(foreign)
    );
    let mut run = Pseudonyms::of_this_run();
    run.prepare(&approval("a")).unwrap();
    assert!(matches!(
        run.address(&approval("a"), domestic("198.51.100.7")),
        Address::Pseudonym(_)
    ));
    run.keep_only(|_| false);
    assert_eq!(
        run.address(&approval("a"), domestic("198.51.100.7")),
        Address::Withheld
    );
    // No path can be made of a name that is none of a file.
    let folder = tempfile::tempdir().unwrap();
    let mut kept = Pseudonyms::in_folder(&folder.path().join("keys")).unwrap();
    for name in ["../a", "slot 3 of generation 2", ".a", ""] {
        kept.prepare(&approval(name)).unwrap();
        let address = kept.address(&approval(name), domestic("198.51.100.7"));
        assert_eq!(address, Address::Withheld);
    }
}

#[test]
fn an_endpoint_is_not_told_by_debugging() {
    assert_eq!(format!("{:?}", domestic("198.51.100.7")), "Domestic(..)");
}

proptest! {
    #[test]
    fn text_of_a_pseudonym_is_read_again(bytes: [u8; 16]) {
        let text = Pseudonym(bytes).to_string();
        prop_assert_eq!(text.parse::<Pseudonym>(), Ok(Pseudonym(bytes)));
        prop_assert!(text[1..].parse::<Pseudonym>().is_err());
    }
}

#[test]
fn what_is_sealed_is_opened_with_the_same_key_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("keys");
    let address = [7; 16];
    let mut one = Pseudonyms::in_folder(&folder).unwrap();
    assert_eq!(one.seal(address), None);
    one.prepare_seal().unwrap();
    let sealed = one.seal(address).unwrap();
    assert_ne!(sealed, address);
    let mut again = Pseudonyms::in_folder(&folder).unwrap();
    again.prepare_seal().unwrap();
    assert_eq!(again.open(sealed), Some(address));
    let mut other = Pseudonyms::of_this_run();
    other.prepare_seal().unwrap();
    assert_ne!(other.open(sealed), Some(address));
    let mut none = Pseudonyms::none();
    none.prepare_seal().unwrap();
    assert_eq!(none.seal(address), None);
}
