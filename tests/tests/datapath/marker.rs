//! Nothing that is said leaves a trace: real captures, their payload overwritten with a marker,
//! which is then looked for in every map, event, flow, record and line of a log.

use std::{collections::HashMap, fmt::Write as _, fs, path::Path, sync::LazyLock};

use sekisho::{
    capped,
    capture::Capture,
    kernel::{Datapath as _, Options, Replayer},
    settings::lab,
};
use sensor_common::{Bytes, ReplayContext, parse_to_payload};
use sensor_tests::{dump::Dump, require, requires};

use crate::rig::compiled;

/// Bytes that stand nowhere else.
const MARKER: [u8; 16] = [
    0xa7, 0x3b, 0xe9, 0x51, 0xc6, 0x2d, 0xf3, 0x8e, 0x94, 0x6a, 0xdb, 0x17, 0xb5, 0x4f, 0xe2, 0x79,
];

/// So many bytes of it in a row are a trace, whichever they begin with.
const TRACE: usize = 4;

/// Frames of one capture.
const MOST: usize = 200;

/// All traces: as they are, reversed, and in digits of either case.
fn traces() -> Vec<Vec<u8>> {
    let twice = MARKER.repeat(2);
    let mut traces = Vec::new();
    for start in 0..MARKER.len() {
        let part = &twice[start..start + TRACE];
        let hex = part.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        traces.push(part.to_vec());
        traces.push(part.iter().rev().copied().collect());
        traces.push(hex.to_uppercase().into_bytes());
        traces.push(hex.into_bytes());
    }
    traces
}

fn has_trace(bytes: &[u8]) -> bool {
    static BY_START: LazyLock<HashMap<[u8; TRACE], Vec<Vec<u8>>>> = LazyLock::new(|| {
        let mut by_start: HashMap<_, Vec<_>> = HashMap::new();
        for trace in traces() {
            let start = *trace.first_chunk().unwrap();
            by_start.entry(start).or_default().push(trace);
        }
        by_start
    });
    let starts = bytes.array_windows().enumerate();
    let mut starts = starts.filter(|(_, start)| **start != [0; TRACE]);
    starts.any(|(at, start)| {
        let traces = BY_START.get(start).into_iter().flatten();
        traces
            .into_iter()
            .any(|trace| bytes[at..].starts_with(trace))
    })
}

/// A frame with the marker in the place of all that stands behind its transport header; none
/// where it has no packet, or nothing behind it.
fn marked(frame: &[u8], wire_length: u32) -> Option<Vec<u8>> {
    let bytes = Bytes {
        captured: frame,
        wire_length: usize::try_from(wire_length).unwrap(),
    };
    let (packet, payload) = parse_to_payload(&bytes).ok()?;
    let transport = match packet.protocol {
        6 => 20,
        17 | 136 => 8,
        33 | 132 => 12,
        _ => 0,
    };
    let start = usize::try_from(payload.word() >> 16 & 0x3fff).unwrap() + transport;
    let mut frame = frame.to_vec();
    let behind = frame.get_mut(start..)?;
    if behind.len() < 2 * TRACE {
        return None;
    }
    for (byte, mark) in behind.iter_mut().zip(MARKER.iter().cycle()) {
        *byte = *mark;
    }
    Some(frame)
}

/// Frames of all captures, marked.
fn frames(folder: &Path) -> Vec<(Vec<u8>, u32)> {
    let mut frames = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Ok(mut capture) =
            Capture::new(path.display().to_string(), fs::File::open(&path).unwrap())
        else {
            continue;
        };
        for _ in 0..MOST {
            let Ok(Some(frame)) = capture.next_frame() else {
                break;
            };
            let frame = frame.into_ethernet();
            frames.extend(
                marked(&frame.data, frame.wire_length).map(|data| (data, frame.wire_length)),
            );
        }
    }
    frames
}

/// A capture file of these frames.
fn capture_of(frames: &[(Vec<u8>, u32)]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, 1] {
        file.extend(word.to_le_bytes());
    }
    for (second, (data, wire_length)) in (1_u32..).zip(frames) {
        let captured = u32::try_from(data.len()).unwrap();
        for word in [second, 0, captured, *wire_length] {
            file.extend(word.to_le_bytes());
        }
        file.extend(data);
    }
    file
}

/// The program that this process has loaded.
fn program() -> u64 {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc/self/fdinfo").unwrap() {
        let text = capped::read_to_string(entry.unwrap().path(), 1 << 20).unwrap_or_default();
        let lines = text
            .lines()
            .filter_map(|line| line.strip_prefix("prog_id:"));
        found.extend(lines.map(|id| id.trim().parse::<u64>().unwrap()));
    }
    assert_eq!(found.len(), 1, "one program");
    found[0]
}

#[test]
fn what_is_said_is_found_in_no_map_event_or_flow() {
    require!(privilege);
    require!(tool "bpftool");
    let frames = frames(&require!(data "pcap"));
    assert!(frames.len() > 300, "{}", frames.len());
    let mut kernel = Replayer::load(Options::new(true)).unwrap();
    let everything = compiled(&["0.0.0.0/0", "::/0"], &[lab::replay()]);
    kernel.publish(&everything.tables).unwrap();
    for (time, (data, wire_length)) in (1..).zip(&frames) {
        assert!(has_trace(data));
        let context = ReplayContext {
            time,
            wire_length: *wire_length,
            interface: 0,
        };
        kernel.run(data, context).unwrap();
    }
    let dump = Dump::of(std::process::id(), program(), None);
    let mut searched = 0;
    for (_, map) in dump.maps() {
        for part in &map.parts {
            assert!(!has_trace(part), "{}", map.name);
            searched += part.len();
        }
    }
    assert!(searched > 1 << 20, "{searched} bytes of maps");
    let mut parts = Vec::new();
    kernel.take(&mut |part| parts.push(part)).unwrap();
    let notices = parts.iter().filter(|part| part.is_notice()).count();
    assert!(notices > 20 && parts.len() - notices > 20);
    for part in &parts {
        assert!(!has_trace(zerocopy::IntoBytes::as_bytes(part)));
    }
}

#[test]
fn what_is_said_is_found_in_no_record_and_no_log() {
    require!(privilege);
    let frames = frames(&require!(data "pcap"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("marked.pcap");
    fs::write(&file, capture_of(&frames)).unwrap();
    let output = std::process::Command::new(requires::binary())
        .args([
            "replay",
            "--lab",
            "--json",
            "--watch",
            "0.0.0.0/0",
            "--watch",
            "::/0",
        ])
        .arg(&file)
        .env("SEKISHO_LOG", "trace")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.stdout.len() > 20_000 && !output.stderr.is_empty());
    assert!(!has_trace(&output.stdout));
    assert!(!has_trace(&output.stderr));
}
