//! Zstandard: frames one after the other, and frames to skip, in bounded memory.
//!
//! `ruzstd` decodes blocks of one frame, and keeps back as much of what it decoded as later blocks
//! may refer to. Here are the frames, the comparison of checksums, and the giving of what was kept
//! back when the data end early.

use std::error::Error;
use std::io::{self, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::disk::Disk;
use super::input::Ended;

/// The most a frame may keep back, in bytes: what `zstd` itself takes unless told otherwise
/// (`ZSTD_WINDOWLOG_LIMIT_DEFAULT`, 27).
const MAX_WINDOW: u64 = 128 << 20;

/// A last block without content, and bytes that are read as the checksum after it.
const LAST_BLOCK: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];

pub(super) struct Zstd<R> {
    disk: Disk<R>,
    frame: FrameDecoder,
    at: At,
}

enum At {
    /// Between two frames.
    Frame,
    /// Inside a frame.
    Block,
    /// After data that cannot be read further, of which something may be kept back.
    End(Option<Ended>),
}

impl<R: Read> Zstd<R> {
    pub(super) fn new(disk: Disk<R>) -> Self {
        let mut frame = FrameDecoder::new();
        frame.set_max_window_size(MAX_WINDOW);
        Self {
            disk,
            frame,
            at: At::Frame,
        }
    }

    pub(super) fn disk(&self) -> &Disk<R> {
        &self.disk
    }

    pub(super) fn disk_mut(&mut self) -> &mut Disk<R> {
        &mut self.disk
    }

    /// Reads some bytes; 0 is the end.
    pub(super) fn read(&mut self, target: &mut [u8]) -> Result<usize, Ended> {
        loop {
            if !matches!(self.at, At::Frame) && self.frame.can_collect() > 0 {
                return self.frame.read(target).map_err(|error| ended(&error));
            }
            match &mut self.at {
                At::Frame => {
                    if self.disk.held().is_empty() {
                        return Ok(0);
                    }
                    self.begin()?;
                }
                At::Block if self.frame.is_finished() => {
                    let (told, found) = (
                        self.frame.get_checksum_from_data(),
                        self.frame.get_calculated_checksum(),
                    );
                    if told.is_some() && told != found {
                        return Err(Ended::Corrupt("its checksum is another".to_owned()));
                    }
                    self.at = At::Frame;
                }
                At::Block => {
                    let one = BlockDecodingStrategy::UptoBlocks(1);
                    if let Err(error) = self.frame.decode_blocks(&mut self.disk, one) {
                        let all = BlockDecodingStrategy::All;
                        // It is for what was kept back; where it fails, that stays where it is.
                        let _ = self.frame.decode_blocks(LAST_BLOCK.as_slice(), all);
                        self.at = At::End(Some(ended(&error)));
                    }
                }
                At::End(why) => return why.take().map_or(Ok(0), Err),
            }
        }
    }

    /// Goes into the next frame, or past it.
    fn begin(&mut self) -> Result<(), Ended> {
        match self.frame.reset(&mut self.disk) {
            Ok(()) => {
                self.at = At::Block;
                Ok(())
            }
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let mut skipped = (&mut self.disk).take(length.into());
                match io::copy(&mut skipped, &mut io::sink()) {
                    Ok(count) if count == u64::from(length) => Ok(()),
                    _ => Err(Ended::Cut),
                }
            }
            Err(FrameDecoderError::WindowSizeTooBig { requested, .. }) => {
                Err(Ended::Corrupt(format!(
                    "a window of {requested} bytes, more than {MAX_WINDOW} are not kept; \
                     decompress it first: zstd -d --long=31"
                )))
            }
            Err(FrameDecoderError::DictNotProvided { dict_id }) => Err(Ended::Corrupt(format!(
                "dictionary {dict_id} is needed, which the file has not; \
                 decompress it first: zstd -d -D DICTIONARY"
            ))),
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::BadMagicNumber(
                _,
            ))) => Err(Ended::Corrupt("no frame begins there".to_owned())),
            Err(error) => Err(ended(&error)),
        }
    }
}

/// What `ruzstd` says: the cause stands below, and an early end is one.
fn ended(error: &(dyn Error + 'static)) -> Ended {
    let mut cause = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    let io = cause.downcast_ref::<io::Error>();
    if io.is_some_and(|io| io.kind() == io::ErrorKind::UnexpectedEof) {
        Ended::Cut
    } else {
        Ended::Corrupt(cause.to_string())
    }
}
