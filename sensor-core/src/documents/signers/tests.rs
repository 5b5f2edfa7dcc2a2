//! Every line that is refused, and what those that are taken allow.

use std::sync::LazyLock;

use super::super::soft::{Making, Soft};
use super::super::{Signature, Time};
use super::*;

const NAMESPACES: &str = "namespaces=\"sekisho-approval\"";

/// The key line of the n-th key.
fn key(n: u8) -> String {
    Soft::all(n)[0].line()
}

fn read(text: &str) -> Result<AllowedSigners, SignersError> {
    AllowedSigners::read(text.as_bytes())
}

fn refused(text: impl AsRef<[u8]>) -> String {
    let result = AllowedSigners::read(text.as_ref());
    result.unwrap_err().to_string()
}

fn principal(text: &str) -> Principal {
    text.parse().unwrap()
}

fn names<'a>(principals: impl IntoIterator<Item = &'a Principal>) -> String {
    let names: Vec<_> = principals.into_iter().map(ToString::to_string).collect();
    names.join(" ")
}

#[test]
fn a_file_is_read_by_its_lines() {
    let (a, b) = (key(1), key(2));
    let text = format!(
        "# keys of 2026\n\n  \noverseer/a {NAMESPACES} {a} a comment \"of\" more\n\
         \x20 overseer/b,overseer/c  valid-after=\"20260101Z\",\
         namespaces=\"sekisho-stop,sekisho-lift\",valid-before=\"202612312359Z\"  {b}"
    );
    let signers = read(&text).unwrap();
    let [first, second] = signers.lines() else {
        panic!("{signers:?}")
    };
    assert_eq!((first.number, second.number), (4, 5));
    assert_eq!(names(&second.principals), "overseer/b overseer/c");
    assert_eq!(second.namespaces, BTreeSet::from([Kind::Stop, Kind::Lift]));
    assert_eq!(
        second.valid_after,
        Some("2026-01-01T00:00:00Z".parse().unwrap())
    );
    assert_eq!(
        second.valid_before,
        Some("2026-12-31T23:59:00Z".parse().unwrap())
    );
    assert_eq!(second.key.to_string(), b);
    assert_eq!((first.valid_after, first.valid_before), (None, None));
    assert_eq!(
        names(signers.overseers()),
        "overseer/a overseer/b overseer/c"
    );
    assert_eq!(names(signers.principals(Role::Carrier)), "");
    assert_eq!(read(""), Ok(AllowedSigners { lines: vec![] }));
}

#[test]
fn a_line_that_breaks_a_rule_refuses_the_file() {
    let key = key(1);
    let line = |principals: &str, options: &str| format!("{principals} {options} {key}");
    let dated = |dates: &str| line("overseer/a", &format!("{NAMESPACES},{dates}"));
    let options = |options: &str| line("overseer/a", options);
    let cases = [
        "overseer/a".into(),
        format!("overseer/a {NAMESPACES}"),
        format!("overseer/a {NAMESPACES} "),
        format!("overseer/a {NAMESPACES} ssh-ed25519"),
        format!("overseer/a {key}"),
        line("\"overseer/a\"", NAMESPACES),
        line("overseer/a\"b\"", NAMESPACES),
        line("overseer/*", NAMESPACES),
        line("overseer/a,!overseer/b", NAMESPACES),
        line("overseer/a,", NAMESPACES),
        line("overseer/A", NAMESPACES),
        line("a@example.net", NAMESPACES),
        options("namespaces=\"sekisho-*\""),
        options("namespaces=\"sekisho-approval,!sekisho-stop\""),
        options("namespaces=\"file\""),
        options("namespaces=\"\""),
        options("namespaces=\"sekisho-stop, sekisho-lift\""),
        options("valid-after=\"20260101Z\""),
        options("cert-authority,namespaces=\"sekisho-stop\""),
        options("cert-authority"),
        options("no-touch-required"),
        options("NAMESPACES=\"sekisho-stop\""),
        options(&format!("{NAMESPACES},")),
        options(&format!(",{NAMESPACES}")),
        options(&format!("{NAMESPACES},{NAMESPACES}")),
        options(&format!("{NAMESPACES},namespaces=\"sekisho-stop\"")),
        dated("valid-after=\"20260101Z\",valid-after=\"20260101Z\""),
        dated("valid-before=\"20260101Z\",valid-before=\"20270101Z\""),
        options("namespaces=sekisho-stop"),
        options("namespaces"),
        options("namespaces=\"sekisho-stop"),
        options("namespaces=\"sekisho\\\"-stop\""),
        dated("valid-after=\"20260101\""),
        dated("valid-after=\"20260101z\""),
        dated("valid-after=\"202601010000UTC\""),
        dated("valid-after=\"20261301UTC\""),
        dated("valid-after=\"20260229Z\""),
        dated("valid-after=\"20261301Z\""),
        dated("valid-after=\"202601012400Z\""),
        dated("valid-after=\"20260101000060Z\""),
        dated("valid-after=\"2026-01-01Z\""),
        dated("valid-after=\"2026010100Z\""),
        dated("valid-after=\"19700101Z\""),
        dated("valid-before=\"19691231Z\""),
        dated("valid-before=\"99991231Z\""),
        dated("valid-before=\"\""),
        dated("valid-after=\"20260102Z\",valid-before=\"20260101Z\""),
        dated("valid-before=\"20260101Z\",valid-after=\"20260101Z\""),
        format!("overseer/a {NAMESPACES} ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ"),
        format!("overseer/a {NAMESPACES} ecdsa-sha2-nistp521 AAAA"),
        format!("overseer/a {NAMESPACES} ssh-ed25519 AAAA"),
        line("overseer/a\t", NAMESPACES),
        line("overseer/a", NAMESPACES) + "\r\n",
        "# \u{7f}".into(),
        "# \0".into(),
        "\u{feff}".into(),
    ];
    let good = line("overseer/a", NAMESPACES);
    let mut refusals = Vec::new();
    for case in &cases {
        let found = refused(format!("{good}\n{case}\n{good}\n"));
        let fault = found.strip_prefix("line 2: ");
        refusals.push(
            fault
                .unwrap_or_else(|| panic!("{case}: {found}"))
                .to_owned(),
        );
    }
    refusals.push(refused(b"#\n# \xff\n"));
    refusals.push(refused("#\n".repeat(MAX_SIGNERS)));
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    the line is not whole; write PRINCIPALS namespaces="..." KEYTYPE BASE64
    the line is not whole; write PRINCIPALS namespaces="..." KEYTYPE BASE64
    the line is not whole; write PRINCIPALS namespaces="..." KEYTYPE BASE64
    the line is not whole; write PRINCIPALS namespaces="..." KEYTYPE BASE64
    the line has no namespaces; say what the key may sign: namespaces="sekisho-..."
    quotes in the principals; no principal needs them, so leave them out
    quotes in the principals; no principal needs them, so leave them out
    'overseer/*' has a wildcard; a principal is one role and one name
    '!overseer/b' has a wildcard; a principal is one role and one name
    '' is no principal: write ROLE/NAME with one of the roles requester, overseer, operator, carrier, inspector, and a name of lower-case letters, digits, '-' and '.'
    'overseer/A' is no principal: write ROLE/NAME with one of the roles requester, overseer, operator, carrier, inspector, and a name of lower-case letters, digits, '-' and '.'
    'a@example.net' is no principal: write ROLE/NAME with one of the roles requester, overseer, operator, carrier, inspector, and a name of lower-case letters, digits, '-' and '.'
    the namespace 'sekisho-*' has a wildcard; write out each namespace
    the namespace '!sekisho-stop' has a wildcard; write out each namespace
    there is no namespace 'file'; it is sekisho- and a kind of document
    there is no namespace ''; it is sekisho- and a kind of document
    there is no namespace ' sekisho-lift'; it is sekisho- and a kind of document
    the line has no namespaces; say what the key may sign: namespaces="sekisho-..."
    cert-authority is not taken; write each key on a line of its own
    cert-authority is not taken; write each key on a line of its own
    unknown option 'no-touch-required'; there are namespaces, valid-after and valid-before
    unknown option 'NAMESPACES="sekisho-stop"'; there are namespaces, valid-after and valid-before
    unknown option ''; there are namespaces, valid-after and valid-before
    unknown option ''; there are namespaces, valid-after and valid-before
    the option namespaces stands twice; write it once
    the option namespaces stands twice; write it once
    the option valid-after stands twice; write it once
    the option valid-before stands twice; write it once
    the option 'namespaces=sekisho-stop' is not written as NAME="VALUE", without \ or " in the value
    the option 'namespaces' is not written as NAME="VALUE", without \ or " in the value
    the option 'namespaces="sekisho-stop ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEK' is not written as NAME="VALUE", without \ or " in the value
    the option 'namespaces="sekisho\"-stop" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA' is not written as NAME="VALUE", without \ or " in the value
    the date '20260101' has to end with Z: it is written in UTC, as 20261201Z
    the date '20260101z' has to end with Z: it is written in UTC, as 20261201Z
    the date '202601010000UTC' has to end with Z: it is written in UTC, as 20261201Z
    '20261301UTC' is no date between 1970 and 2554; write YYYYMMDDZ, YYYYMMDDHHMMZ or YYYYMMDDHHMMSSZ
    '20260229Z' is no date between 1970 and 2554; write YYYYMMDDZ, YYYYMMDDHHMMZ or YYYYMMDDHHMMSSZ
    '20261301Z' is no date between 1970 and 2554; write YYYYMMDDZ, YYYYMMDDHHMMZ or YYYYMMDDHHMMSSZ
    '202601012400Z' is no date between 1970 and 2554; write YYYYMMDDZ, YYYYMMDDHHMMZ or YYYYMMDDHHMMSSZ
    '20260101000060Z' is no date between 1970 and 2554; write YYYYMMDDZ, YYYYMMDDHHMMZ or YYYYMMDDHHMMSSZ
    '2026-01-01Z' is no date between 1970 and 2554; write YYYYMMDDZ, YYYYMMDDHHMMZ or YYYYMMDDHHMMSSZ
    '2026010100Z' is no date between 1970 and 2554; write YYYYMMDDZ, YYYYMMDDHHMMZ or YYYYMMDDHHMMSSZ
    '19700101Z' is no date between 1970 and 2554; write YYYYMMDDZ, YYYYMMDDHHMMZ or YYYYMMDDHHMMSSZ
    '19691231Z' is no date between 1970 and 2554; write YYYYMMDDZ, YYYYMMDDHHMMZ or YYYYMMDDHHMMSSZ
    '99991231Z' is no date between 1970 and 2554; write YYYYMMDDZ, YYYYMMDDHHMMZ or YYYYMMDDHHMMSSZ
    '' is no date between 1970 and 2554; write YYYYMMDDZ, YYYYMMDDHHMMZ or YYYYMMDDHHMMSSZ
    valid-before is not later than valid-after; the key would never count
    valid-before is not later than valid-after; the key would never count
    RSA keys are not taken; make a key with ssh-keygen -t ed25519-sk or -t ed25519
    keys of the type 'ecdsa-sha2-nistp521' are not taken; make one with ssh-keygen -t ed25519-sk
    the bytes of the key are not those that OpenSSH writes; copy the file .pub again
    the line has the control character U+0009; part fields by spaces, end lines with LF
    the line has the control character U+000D; part fields by spaces, end lines with LF
    the line has the control character U+007F; part fields by spaces, end lines with LF
    the line has the control character U+0000; part fields by spaces, end lines with LF
    the line is not whole; write PRINCIPALS namespaces="..." KEYTYPE BASE64
    line 2: the line is not UTF-8; write it in UTF-8
    line 131073: the file has more than 262144 bytes; take out what no longer counts
    "#);
}

#[test]
fn a_file_may_be_as_long_as_the_longest_and_no_longer() {
    let longest = "#\n".repeat(MAX_SIGNERS / 2);
    assert_eq!(longest.len(), MAX_SIGNERS);
    assert_eq!(read(&longest), Ok(AllowedSigners { lines: vec![] }));
    let error = read(&(longest + "#")).unwrap_err();
    assert_eq!(error.fault, SignersFault::TooLong);
}

#[test]
fn an_overseer_is_nothing_else_and_others_may_be_much() {
    let (a, b) = (key(1), key(2));
    let line = |principals: &str, key: &str| format!("{principals} {NAMESPACES} {key}\n");
    let cases = [
        line("overseer/a", &a) + &line("requester/b", &a),
        line("inspector/b,overseer/a", &a),
        line("carrier/a", &a) + &line("overseer/a", &b),
        line("overseer/a,overseer/b", &a) + &line("operator/b", &b),
    ];
    let refusals = cases.map(refused);
    insta::assert_snapshot!(refusals.join("\n"), @"
    line 2: requester/b has the key SHA256:RTMXh8eewpRHeyJqAYMVTBQoUSwg9j7aQ9QGaElEmQM of overseer/a; an overseer's key is of no other role
    line 1: overseer/a has the key SHA256:RTMXh8eewpRHeyJqAYMVTBQoUSwg9j7aQ9QGaElEmQM of inspector/b; an overseer's key is of no other role
    line 2: 'a' is overseer and carrier; an overseer has no other role
    line 2: 'b' is overseer and operator; an overseer has no other role
    ");

    let mixed = line("requester/x,operator/x", &a) + &line("requester/x", &b);
    let signers = read(&mixed).unwrap();
    let (a, b) = (Key::read(&a).unwrap(), Key::read(&b).unwrap());
    assert_eq!(names(signers.principals_of(&a)), "requester/x operator/x");
    let of_x = signers.keys_of(&principal("requester/x"));
    assert_eq!(of_x, BTreeSet::from([&a, &b]));
    assert!(signers.shared_overseer_keys().is_empty());
}

#[test]
fn an_overseers_key_under_two_names_is_seen() {
    let (a, b) = (key(1), key(2));
    let text = format!(
        "overseer/a {NAMESPACES} {a}\noverseer/b {NAMESPACES} {b}\noverseer/c {NAMESPACES} {a}\n"
    );
    let signers = read(&text).unwrap();
    let shared = signers.shared_overseer_keys();
    assert_eq!(shared.len(), 1);
    assert_eq!(
        names(shared[&Key::read(&a).unwrap()].clone()),
        "overseer/a overseer/c"
    );
}

#[test]
fn a_signature_counts_by_key_principal_namespace_and_date_in_this_order() {
    let [a, _, _, sk, _] = Soft::all(1);
    let text = format!(
        "overseer/a {NAMESPACES},valid-after=\"20260101Z\",valid-before=\"20260201Z\" {}\n\
         overseer/a {NAMESPACES},valid-after=\"20260301Z\",valid-before=\"20260401Z\" {}\n\
         overseer/b namespaces=\"sekisho-stop\" {}\n\
         overseer/c {NAMESPACES} {}\n",
        a.line(),
        a.line(),
        a.line(),
        sk.line(),
    );
    let signers = read(&text).unwrap();
    let making = Making::of("sekisho-approval");
    let message = b"x";
    let check = |key: &Soft, making: &Making, who: &str, at: &str| {
        let signature = Signature::read(key.sign(making, message).as_bytes()).unwrap();
        let at: Time = at.parse().unwrap();
        signers.check(&principal(who), Kind::Approval, message, &signature, at)
    };
    for at in [
        "2026-01-01T00:00:00Z",
        "2026-02-01T00:00:00Z",
        "2026-02-01T00:00:00.999999999Z",
        "2026-03-01T00:00:00Z",
        "2026-04-01T00:00:00Z",
    ] {
        let key = Key::read(&a.line()).unwrap();
        assert_eq!(
            check(&a, &making, "overseer/a", at),
            Ok(key.clone()),
            "{at}"
        );
        assert!(signers.has(&principal("overseer/a"), &key, Kind::Approval));
        assert!(!signers.has(&principal("overseer/a"), &key, Kind::Stop));
        assert!(!signers.has(&principal("overseer/b"), &key, Kind::Approval));
    }
    let now = "2026-01-15T00:00:00Z";
    let stop = Making::of("sekisho-stop");
    let untouched = Making {
        flags: 0,
        ..making.clone()
    };
    let stranger = &Soft::all(9)[0];
    let cases = [
        (&a, &stop, "overseer/a", now),
        (stranger, &making, "overseer/a", now),
        (&a, &making, "overseer/c", now),
        (&a, &making, "overseer/b", now),
        (&a, &making, "overseer/a", "2025-12-31T23:59:59.999999999Z"),
        (&a, &making, "overseer/a", "2026-02-01T00:00:01Z"),
        (&a, &making, "overseer/a", "2026-02-28T23:59:59Z"),
        (&a, &making, "overseer/a", "2026-04-01T00:00:01Z"),
        (&sk, &untouched, "overseer/c", now),
    ];
    let mut refusals: Vec<String> = cases
        .map(|(key, making, who, at)| check(key, making, who, at).unwrap_err().to_string())
        .into();
    let signature = Signature::read(a.sign(&making, b"y").as_bytes()).unwrap();
    let at: Time = now.parse().unwrap();
    let unfit = signers.check(
        &principal("overseer/a"),
        Kind::Approval,
        message,
        &signature,
        at,
    );
    refusals.push(unfit.unwrap_err().to_string());
    insta::assert_snapshot!(refusals.join("\n"), @"
    made for the namespace 'sekisho-stop'; sign with ssh-keygen -Y sign -n sekisho-approval
    the key SHA256:lIBsvQ2cyLMXLAxsD4cbJ4YKk1MrA3p8VgtYkNjexnA is of nobody here; sign with one that the allowed signers name
    the key SHA256:RTMXh8eewpRHeyJqAYMVTBQoUSwg9j7aQ9QGaElEmQM is of overseer/a and not of overseer/c; name the file by who signed
    the key SHA256:RTMXh8eewpRHeyJqAYMVTBQoUSwg9j7aQ9QGaElEmQM of overseer/b may not sign the kind approval; take one that may
    the key SHA256:RTMXh8eewpRHeyJqAYMVTBQoUSwg9j7aQ9QGaElEmQM of overseer/a counts from 2026-01-01T00:00:00Z; sign again then
    the key SHA256:RTMXh8eewpRHeyJqAYMVTBQoUSwg9j7aQ9QGaElEmQM of overseer/a counts from 2026-03-01T00:00:00Z; sign again then
    the key SHA256:RTMXh8eewpRHeyJqAYMVTBQoUSwg9j7aQ9QGaElEmQM of overseer/a counts from 2026-03-01T00:00:00Z; sign again then
    the key SHA256:RTMXh8eewpRHeyJqAYMVTBQoUSwg9j7aQ9QGaElEmQM of overseer/a counted until 2026-04-01T00:00:00Z; sign with one that counts
    the security key was not touched; make a key without -O no-touch-required and sign
    the signature does not fit the bytes of the document; sign this very file again
    ");
}

/// Made once: the property below wants it often.
static KEY: LazyLock<String> = LazyLock::new(|| key(1));

proptest::proptest! {
    #[test]
    fn no_bytes_stop_the_reader(
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
        text in "[a-z/\",=Z0-9 \n#-]{0,40}",
        at in 0..400_usize,
        cut in 0..20_usize,
    ) {
        let _ = AllowedSigners::read(&bytes);
        let dates = "valid-after=\"20260101Z\",valid-before=\"20270101Z\"";
        let mut line = format!("overseer/a {NAMESPACES},{dates} {}", *KEY);
        let at = at % line.len();
        let end = (at + cut).min(line.len());
        line.replace_range(at..end, &text);
        if let Ok(signers) = read(&line) {
            // What is read has a form of its own, which says the same.
            for line in signers.lines() {
                let key = Key::read(&line.key.to_string());
                assert_eq!(key.as_ref(), Ok(&line.key));
                assert!(line.namespaces.len() == 1 && !line.principals.is_empty());
            }
        }
    }
}
