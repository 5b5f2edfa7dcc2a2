//! Write: writes lines, in a thread of its own because output may block.

use std::io::{self, Write};

use tokio::sync::mpsc;

use crate::exporters::json::{self, Line, Mark};

/// Lines taken at once; the output is flushed after them.
const LINES: usize = 256;

pub(super) fn run(
    mut lines: mpsc::Receiver<Line>,
    mut output: impl Write,
    mark: Mark,
) -> io::Result<()> {
    let mut taken = Vec::with_capacity(LINES);
    while lines.blocking_recv_many(&mut taken, LINES) > 0 {
        for line in taken.drain(..) {
            json::write(&mut output, mark, &line)?;
        }
        output.flush()?;
    }
    Ok(())
}
