//! EVE: Suricata's own schema.

use std::process::Command;

use sensor_records::export::{
    Item,
    eve::Eve,
    sink::{File, Rotation},
};

use crate::{
    peer::{data, printed, python, require},
    rows::{export, flows, records},
};

const CHECK: &str = "
import json, sys, jsonschema
schema = json.load(open(sys.argv[1]))
check = jsonschema.Draft202012Validator(schema)
kinds = {}
for line in open(sys.argv[2]):
    event = json.loads(line)
    for error in check.iter_errors(event):
        sys.exit(f'{list(error.path)}: {error.message}: {line}')
    kinds[event['event_type']] = kinds.get(event['event_type'], 0) + 1
# It finds what is wrong, too.
event['of_nobody'] = 1
assert list(check.iter_errors(event))
print(kinds['flow'], kinds['alert'])
";

#[test]
fn every_line_is_valid_by_the_schema_of_suricata() {
    let python = require!(python("python"));
    let schema = require!(data("eve/schema.json"));
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("eve.json");
    let records = records(200);
    let notices = records
        .iter()
        .map(|record| Item::Notice(record.notice.clone()));
    let outlet = File::new(&path, None, Rotation::default());
    let losses = export(notices.chain(flows(&records)), Eve::default(), outlet);
    assert_eq!((losses.sent, losses.lost()), (400, 0));
    let alerts: usize = records
        .iter()
        .map(|record| record.notice.indicators.len())
        .sum();
    let counts = printed(
        Command::new(python)
            .args(["-c", CHECK])
            .args([schema, path]),
    );
    assert_eq!(counts.trim(), format!("200 {alerts}"));
}
