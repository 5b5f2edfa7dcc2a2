use std::collections::BTreeSet;

use ipnet::IpNet;
use proptest::prelude::*;

use super::*;
use crate::feeds::plain::{self, Shortest};

fn found(text: &str, least: u64) -> String {
    let mut all = Vec::new();
    let mut sink = |at: At<'_>, item: Item<'_>| {
        let what = match item {
            Item::Watch(Watch { prefix, ports, .. }) => match ports.first() {
                None => prefix.to_string(),
                Some(rule) => format!("{prefix} on {rule}"),
            },
            Item::Refused(refusal) => format!("refused {}", refusal.name()),
            Item::Inexpressible(why) => format!("no {}", why.name()),
            Item::Exclude(_) | Item::Beside | Item::Told(_) => "?".into(),
        };
        all.push(format!("{} {what}", at.line));
    };
    decode(text.as_bytes(), least, &mut sink).unwrap();
    all.join("\n")
}

#[test]
fn lines_of_every_kind_are_read() {
    let text = "; Spamhaus DROP List 2026/11/22\n1.10.16.0/20 ; SBL256894\r\n# FireHOL\n5.6.7.8\n\
                1.2.3.4\t10\n1.2.3.0 - 1.2.3.9\n1.2.3.0-1.2.3.1 # x\n8.8.8.8:53\nexample.org\n\
                8.8.8.8 remark\n2a00::/32\t3\n\n   \n10.0.0.01\n8.8.8.8\u{0}\n9.9.9.9";
    insta::assert_snapshot!(found(text, 0), @r#"
    2 1.10.16.0/20
    4 5.6.7.8/32
    5 1.2.3.4/32
    6 1.2.3.0/29
    6 1.2.3.8/31
    7 1.2.3.0/31
    8 8.8.8.8/32 on tcp/53
    9 no domain
    10 refused trailing
    11 2a00::/32
    14 refused leading-zero
    15 refused not-text
    16 9.9.9.9/32
    "#);
    let counted = "1.1.1.1\t3\n2.2.2.2\t2\n3.3.3.3\n2a00::\t5\n";
    insta::assert_snapshot!(found(counted, 3), @r#"
    1 1.1.1.1/32
    2 refused low-count
    3 refused low-count
    4 2a00::/128
    "#);
}

#[test]
fn a_line_too_long_is_bad_unless_it_is_a_comment() {
    let long = "x".repeat(3 << 20);
    assert_eq!(found(&format!("#{long}\n1.1.1.1"), 0), "2 1.1.1.1/32");
    assert_eq!(
        found(&format!("{long}\n1.1.1.1\n"), 0),
        "1 refused too-long\n2 1.1.1.1/32"
    );
    let spaced = format!("1.1.1.1{}\n", " ".repeat(2000));
    assert_eq!(found(&spaced, 0), "1 refused too-long");
}

proptest! {
    #[test]
    fn what_papers_read_is_read_in_the_same_way(
        lines in prop::collection::vec("[0-3]{1,2}(\\.[0-3]{1,2}){2,3}(/(8|16|3[0-3]))?([ \t][0-9]{1,2})?( ?[#;].?)?", 0..30),
    ) {
        let text = lines.join("\n");
        let papers = plain::decode(text.as_bytes(), Shortest::ANY);
        let mut read = BTreeSet::new();
        let mut refused = 0;
        let mut sink = |_: At<'_>, item: Item<'_>| match item {
            Item::Watch(watch) => { read.insert(watch.prefix); }
            _ => refused += 1,
        };
        decode(text.as_bytes(), 0, &mut sink).unwrap();
        let papers_read: BTreeSet<IpNet> = papers.prefixes.iter().map(|(prefix, _)| prefix).collect();
        prop_assert_eq!(read, papers_read);
        prop_assert_eq!(refused, papers.bad.len());
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        decode(&bytes[..], 1, &mut |_: At<'_>, _: Item<'_>| {}).unwrap();
    }
}
