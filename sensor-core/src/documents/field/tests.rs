use std::fmt::Debug;

use serde::de::DeserializeOwned;

use super::*;

/// A value as it stands in a document.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Held<T> {
    it: T,
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let read: Result<Held<T>, _> = toml::from_str(&format!("it = {text}\n"));
    read.map(|held| held.it)
        .map_err(|error| error.message().to_owned())
}

/// What is read is written the same, and what is not taken says why.
fn takes<T>(good: &[&str], bad: &[&str])
where
    T: DeserializeOwned + Serialize + Clone + Debug + PartialEq,
{
    for text in good {
        let it: T = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let written = toml::to_string(&Held { it: it.clone() }).unwrap();
        assert_eq!(written, format!("it = {text}\n"));
        assert_eq!(read::<T>(text), Ok(it));
    }
    for text in bad {
        let refused = read::<T>(text);
        assert!(
            refused.as_ref().is_err_and(|why| why.len() > 10),
            "{text}: {refused:?}"
        );
    }
}

#[test]
fn texts_say_something() {
    let longest = format!("\"{}\"", "é".repeat(4096));
    let too_long = format!("\"{}\"", "é".repeat(4097));
    takes::<Text>(
        &["\"a\"", &longest],
        &["\"\"", "\" \\n\"", "\"--\"", "\"a\\u0007\"", "3", &too_long],
    );
    let text: Text = read("\"two\\nlines\"").unwrap();
    assert_eq!(
        (&*text, text.to_string()),
        ("two\nlines", "two\nlines".into())
    );
}

#[test]
fn names_ids_and_numbers_have_one_form() {
    let longest = format!("\"{}\"", "a".repeat(64));
    let too_long = format!("\"{}\"", "a".repeat(65));
    takes::<Name>(
        &["\"a\"", "\"0-a.b\"", &longest],
        &[
            "\"\"", "\"A\"", "\"-a\"", "\"a_b\"", "\"a b\"", "\"a/b\"", &too_long,
        ],
    );
    takes::<RequestId>(
        &["\"R-1\"", "\"a.b_C\"", &longest],
        &[
            "\"\"",
            "\"lab\"",
            "\"consent.a.1\"",
            "\"a b\"",
            "\"é\"",
            &too_long,
        ],
    );
    takes::<Number>(
        &["1", "9223372036854775807"],
        &["0", "-1", "1.0", "\"1\"", "9223372036854775808"],
    );
    let name: Name = read("\"power\"").unwrap();
    assert_eq!((&*name, name.to_string()), ("power", "power".into()));
    let id: RequestId = read("\"R-1\"").unwrap();
    assert_eq!((&*id, id.to_string()), ("R-1", "R-1".into()));
    assert_eq!(u64::from(Number(7)), 7);
}

#[test]
fn periods_are_of_a_second_to_a_hundred_years() {
    takes::<Period>(
        &[
            "\"PT1S\"",
            "\"P6M\"",
            "\"P7D\"",
            "\"P1Y\"",
            "\"P100Y\"",
            "\"PT12H\"",
        ],
        &[
            "\"\"",
            "\"7 days\"",
            "\"P\"",
            "\"PT0S\"",
            "\"-P1D\"",
            "\"P101Y\"",
            "\"P0D\"",
            "\"P36601D\"",
            "\"p1d\"",
        ],
    );
    let begin: Time = "2026-08-31T00:00:00Z".parse().unwrap();
    let end: Time = "2026-09-30T00:00:00Z".parse().unwrap();
    assert_eq!(Period::known("P1M").from(begin), end);
    assert_eq!(Period::known("P1M"), Period::known("P1M"));
    assert_ne!(Period::known("P1M"), Period::known("P2M"));
    // As long in April, and not in May.
    assert_ne!(Period::known("P1M"), Period::known("P30D"));
}

#[test]
fn prefixes_and_fingerprints_have_one_form() {
    takes::<Prefix>(
        &["\"192.0.2.0/24\"", "\"2001:db8::/32\"", "\"0.0.0.0/0\""],
        &[
            "\"192.0.2.1/24\"",
            "\"192.0.2.0/33\"",
            "\"::ffff:192.0.2.1\"",
            "\"all\"",
        ],
    );
    assert_eq!(read::<Prefix>("\"192.0.2.1\""), read("\"192.0.2.1/32\""));
    let fingerprint = format!("\"SHA256:{}\"", "a+/0".repeat(11).split_at(43).0);
    takes::<Fingerprint>(
        &[&fingerprint],
        &[
            "\"\"",
            "\"SHA256:\"",
            "\"MD5:00\"",
            &fingerprint.replace('0', "="),
            &fingerprint.replace("+/\"", "+\""),
            &fingerprint.replace("SHA256:", "SHA256:a"),
        ],
    );
}

#[test]
fn classes_directions_and_fields_go_by_their_names() {
    takes::<ClassName>(
        &["\"transit\"", "\"infrastructure\"", "\"relay\""],
        &["\"domestic\"", "\"Transit\"", "\"\""],
    );
    takes::<DirectionName>(
        &["\"inbound\"", "\"outbound\"", "\"through\""],
        &["\"both\"", "\"\""],
    );
    takes::<FieldNames>(
        &[
            "[]",
            "[\"ports\"]",
            "[\"ports\", \"protocol\", \"fragment\"]",
        ],
        &["[\"payload\"]", "[\"ports\", \"ports\"]", "\"ports\""],
    );
    assert_eq!(read::<ClassName>("\"relay\""), Ok(ClassName(Class::Relay)));
    let fields: FieldNames = read("[\"ttl\", \"vlan\"]").unwrap();
    assert_eq!(fields.0, Fields::TTL.union(Fields::VLAN));
}

#[test]
fn interfaces_are_named_as_the_kernel_names_them() {
    takes::<InterfaceName>(
        &["\"eth0\"", "\"a\"", "\"enp3s0f0np0.100\"", "\"...\""],
        &[
            "\"\"",
            "\".\"",
            "\"..\"",
            "\"a b\"",
            "\"a/b\"",
            "\"a:b\"",
            "\"é\"",
            "\"enp3s0f0np0.1000\"",
            "\"a\\u0007\"",
        ],
    );
    takes::<HardwareAddress>(
        &["\"02:00:00:00:00:0a\""],
        &[
            "\"\"",
            "\"02:00:00:00:00\"",
            "\"02:00:00:00:00:0A\"",
            "\"02-00-00-00-00-0a\"",
            "\"02:00:00:00:00:0a:0b\"",
            "\"2:0:0:0:0:a\"",
            "\"02:00:00:00:00:0g\"",
        ],
    );
    let name: InterfaceName = read("\"eth0\"").unwrap();
    assert_eq!((&*name, name.to_string()), ("eth0", "eth0".into()));
    let mac: HardwareAddress = read("\"02:00:00:00:00:0a\"").unwrap();
    assert_eq!(mac.to_string(), "02:00:00:00:00:0a");
}
