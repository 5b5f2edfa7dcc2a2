//! Zstandard: frames one after the other, in bounded memory.

use std::{
    error::Error,
    io::{self, BufRead, Read},
};

use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

/// The most a frame may keep back, in bytes: what `zstd` writes up to level 20 unless told `--long`.
const MAX_WINDOW: u64 = 32 << 20;

pub(super) struct Zstd<R> {
    reader: R,
    frame: FrameDecoder,
    is_inside: bool,
}

impl<R: BufRead> Zstd<R> {
    pub(super) fn new(reader: R) -> Self {
        let mut frame = FrameDecoder::new();
        frame.set_max_window_size(MAX_WINDOW);
        Self {
            reader,
            frame,
            is_inside: false,
        }
    }

    pub(super) const fn get_ref(&self) -> &R {
        &self.reader
    }

    /// Goes into the next frame, or past it.
    fn begin(&mut self) -> io::Result<()> {
        match self.frame.reset(&mut self.reader) {
            Ok(()) => {
                self.is_inside = true;
                Ok(())
            }
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let mut skipped = (&mut self.reader).take(length.into());
                if io::copy(&mut skipped, &mut io::sink())? == u64::from(length) {
                    Ok(())
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                }
            }
            Err(FrameDecoderError::WindowSizeTooBig { requested, .. }) => Err(corrupt(format!(
                "a window of {requested} bytes, where {MAX_WINDOW} are kept; unpack it by hand"
            ))),
            Err(error) => Err(told(&error)),
        }
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.is_inside && self.frame.can_collect() > 0 {
                return self.frame.read(target);
            }
            if !self.is_inside {
                if self.reader.fill_buf()?.is_empty() {
                    return Ok(0);
                }
                self.begin()?;
            } else if self.frame.is_finished() {
                let said = self.frame.get_checksum_from_data();
                if said.is_some() && said != self.frame.get_calculated_checksum() {
                    return Err(corrupt("its checksum is another".into()));
                }
                self.is_inside = false;
            } else {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                let decoded = self.frame.decode_blocks(&mut self.reader, one);
                decoded.map_err(|error| told(&error))?;
            }
        }
    }
}

fn corrupt(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// What `ruzstd` says: the cause stands below, and an early end is one.
fn told(error: &(dyn Error + 'static)) -> io::Error {
    let mut cause = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    let io = cause.downcast_ref::<io::Error>();
    if io.is_some_and(|io| io.kind() == io::ErrorKind::UnexpectedEof) {
        io::ErrorKind::UnexpectedEof.into()
    } else {
        corrupt(cause.to_string())
    }
}
