//! The text form.

use proptest::prelude::*;

use super::*;

const ID: &str = "00000000-0000-0000-0000-000000000001";

#[test]
fn anchors_are_written_and_read_back() {
    let unsynchronised = Anchor {
        synchronised: false,
        uncertainty: 16 * SECOND,
        ..anchor(2 * SECOND, 7)
    };
    let written = anchors(&[anchor(SECOND, NOW), unsynchronised]).to_string();
    insta::assert_snapshot!(written, @r"
    sekisho-anchors 1
    not-before 0
    anchor 00000000-0000-0000-0000-000000000001 1000000000 1790000000000000000 0 synchronised
    anchor 00000000-0000-0000-0000-000000000001 2000000000 7 16000000000 unsynchronised
    end
    ");
    let read: Anchors = written.parse().unwrap();
    assert_eq!(read.kept(), [anchor(SECOND, NOW), unsynchronised]);
    assert_eq!(read.to_string(), written);
    let none = Anchors::default().to_string();
    assert_eq!(none.parse::<Anchors>().unwrap().to_string(), none);
}

#[test]
fn what_is_not_exactly_as_written_is_an_error_with_its_line() {
    let head = "sekisho-anchors 1\nnot-before 5\n";
    let good = format!("anchor {ID} 1 2 3 synchronised\n");
    let other = good.replace("0001", "0002");
    for (text, line) in [
        (String::new(), 1),
        ("sekisho-anchors 1".into(), 1),
        ("sekisho-anchors 2\nnot-before 5\nend\n".into(), 1),
        ("sekisho-anchors 1\nend\n".into(), 2),
        ("sekisho-anchors 1\nnot-before -5\nend\n".into(), 2),
        ("sekisho-anchors 1\nnot-before +5\nend\n".into(), 2),
        ("sekisho-anchors 1\nnot-before 05\nend\n".into(), 2),
        (
            "sekisho-anchors 1\nnot-before 18446744073709551616\nend\n".into(),
            2,
        ),
        // Cut: after the head, in a line, before the end, and in the end.
        (head.into(), 3),
        (format!("{head}{}", &good[..20]), 3),
        (format!("{head}{good}"), 4),
        (format!("{head}{good}end"), 4),
        (format!("{head}{good}end\n\n"), 4),
        (format!("{head}{good}end\nend\n"), 4),
        (format!("{head}\n{good}end\n"), 3),
        (format!("{head} {good}end\n"), 3),
        (format!("{head}{}end\n", good.replace(" 1 2", "  1 2")), 3),
        (format!("{head}{}end\n", good.replace('\n', "\r\n")), 3),
        (format!("{head}{}end\n", good.replace("sync", "Sync")), 3),
        (format!("{head}{}end\n", good.replace("1 2 3", "1 2")), 3),
        (
            format!("{head}{}end\n", good.replace("1 2 3", "1 2 3 4")),
            3,
        ),
        (format!("{head}{}end\n", good.replace(ID, "1")), 3),
        (format!("{head}{good}{other}end\n"), 4),
        (
            format!("{head}{}{good}end\n", good.replace(" 1 2", " 2 2")),
            4,
        ),
    ] {
        let error = text.parse::<Anchors>().unwrap_err();
        assert_eq!(error.line, line, "{text:?}: {error}");
    }
    assert!(format!("{head}{good}end\n").parse::<Anchors>().is_ok());
}

proptest! {
    #[test]
    fn any_anchors_come_back_and_no_beginning_of_them_does(
        id in any::<u128>(),
        mut boots in prop::collection::vec(any::<u64>(), 1..9),
        walls in prop::collection::vec(any::<(u64, u64, bool)>(), 9),
        cut in any::<prop::sample::Index>(),
    ) {
        boots.sort_unstable();
        let all: Vec<Anchor> = boots
            .into_iter()
            .zip(walls)
            .map(|(boot, (wall, uncertainty, synchronised))| Anchor {
                boot_id: BootId(id),
                boot,
                wall,
                uncertainty,
                synchronised,
            })
            .collect();
        let text = anchors(&all).to_string();
        let read: Anchors = text.parse().unwrap();
        prop_assert_eq!(read.to_string(), &text[..]);
        prop_assert!(read.kept().len() <= 5);
        prop_assert!(text[..cut.index(text.len())].parse::<Anchors>().is_err());
    }

    #[test]
    fn no_text_is_a_panic(text in "(sekisho-anchors 1\n)?(not-before 0\n)?(anchor |end\n|[0-9 -]|\\PC|\n){0,40}") {
        let _ = text.parse::<Anchors>();
    }
}
