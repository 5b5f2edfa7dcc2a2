use super::*;
use crate::feeds::item::Watch;

fn told(at: At<'_>, item: &Item<'_>) -> String {
    let what = match item {
        Item::Watch(Watch {
            prefix,
            ports,
            about,
        }) => {
            let mut told = prefix.to_string();
            told.extend(ports.first().map(|rule| format!(" on {rule}")));
            told.extend(about.confidence.map(|sure| format!(" sure {sure}")));
            told.extend(about.last_seen.map(|time| format!(" last {time}")));
            told
        }
        Item::Refused(refusal) => format!("refused {}", refusal.name()),
        Item::Inexpressible(why) => format!("no {}", why.name()),
        Item::Exclude(_) | Item::Beside | Item::Told(_) => "beside".into(),
    };
    format!("{} {what}", at.line)
}

fn lines(text: &str, mapping: Option<&str>) -> String {
    let mapping: Option<Mapping> = mapping.map(|text| text.parse().unwrap());
    let mut all = Vec::new();
    let mut sink = |at: At<'_>, item: Item<'_>| all.push(told(at, &item));
    decode_lines(text.as_bytes(), mapping.as_ref(), &mut sink).unwrap();
    all.join("\n")
}

fn document(text: &str) -> String {
    let mut all = Vec::new();
    let mut sink = |at: At<'_>, item: Item<'_>| all.push(told(at, &item));
    decode(text.as_bytes(), None, &mut sink).unwrap();
    all.join("\n")
}

#[test]
fn a_line_is_an_object_and_a_bad_one_is_one() {
    let drop = "{\"cidr\":\"1.10.16.0/20\",\"sblid\":\"SBL256894\",\"rir\":\"apnic\"}\r\n\n\
        {\"cidr\":\"1.19.0.0/16\"\n[1]\n{\"sblid\":\"x\"}\n{\"cidr\": 5}\n{\"cidr\": null}\n\
        {\"cidr\":\"1.1.1.1\",\"cidr\":\"2.2.2.2\"}\n\u{feff}{}\n\
        {\"type\":\"metadata\",\"timestamp\":1700000000,\"size\":1,\"records\":1}\n";
    insta::assert_snapshot!(lines(drop, None), @r#"
    1 1.10.16.0/20
    3 refused record
    4 refused record
    5 refused record
    6 refused not-an-address
    7 refused record
    8 refused record
    9 refused record
    10 beside
    "#);
    let own = "{\"a\":{\"b\":1},\"host\":\"2a00::1\",\"p\":53,\"x\":\"UDP\"}\n";
    assert_eq!(
        lines(own, Some("value=host,port=p,protocol=x")),
        "1 2a00::1/128 on udp/53"
    );
}

#[test]
fn documents_of_several_sources() {
    let abuseipdb = r#"{"meta": {"generatedAt": "2026-11-22T00:00:00+00:00"}, "data": [
        {"ipAddress": "5.188.10.179", "countryCode": "RU", "abuseConfidenceScore": 100,
         "lastReportedAt": "2026-11-21T23:00:00+00:00"}]}"#;
    assert_eq!(
        document(abuseipdb),
        "2 5.188.10.179/32 sure 100 last 2026-11-21T23:00:00Z"
    );
    let threatfox = r#"{"query_status": "ok", "data": [
        {"id": "12", "ioc": "1.2.3.4:443", "ioc_type": "ip:port", "confidence_level": 75, "last_seen": null},
        {"id": "13", "ioc": "x.example", "ioc_type": "domain"}]}"#;
    assert_eq!(
        document(threatfox),
        "2 1.2.3.4/32 on tcp/443 sure 75\n3 no domain"
    );
    let exported = r#"{"12": [{"ioc_value": "1.2.3.4:443", "ioc_type": "ip:port", "confidence_level": 75}],
        "13": [{"ioc_value": "http://1.2.3.4/", "ioc_type": "url"}]}"#;
    assert_eq!(
        document(exported),
        "1 1.2.3.4/32 on tcp/443 sure 75\n2 no url"
    );
    assert_eq!(
        document(r#"[{"ip": "1.1.1.1"}, "2.2.2.2", 7]"#),
        "1 1.1.1.1/32\n1 2.2.2.2/32\n1 refused not-an-address"
    );
    assert_eq!(
        document("{\"a\":{\"b\":{\"c\":{\"d\":[{\"ip\":\"1.1.1.1\"}]}}}}"),
        "0 beside"
    );
}
