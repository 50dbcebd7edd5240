//! A trace as bytes, for keeping it with a message.
//!
//! ```text
//! version 1 (u8)
//! prompt ids, chosen ids          count, then each id
//! pieces                          count, then each: id, length, bytes
//! tokens                          count, then each:
//!     place, id, rank, entropy (u16, 1/2048 bit)
//!     stages                      count, then each: number (u8), kept, mass (p)
//!     candidates                  count, then each: id, p (p), stages survived, p after each
//! ```
//! Numbers are LEB128, signed ones zigzag. A probability (p) is two bytes: -ln p in units of
//! 1/2048, so it is exact to 1/4096 of itself down to e^-31, and what is less likely is that.

use std::collections::BTreeMap;

use super::{CandidateTrace, Stage, StageTrace, TokenTrace, Trace};

const VERSION: u8 = 1;
/// Steps of -ln p, and of entropy in bits.
const STEPS: f32 = 2048.0;

/// The tokens that went in and came out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    /// The prompt.
    pub prompt: Vec<i32>,
    /// What was drawn, in order, with the token that ended the reply.
    pub chosen: Vec<i32>,
}

/// The bytes are no trace of a version this program knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBlob {
    #[error("it was written by a newer version of the program (format {0})")]
    Newer(u8),
    #[error("it is damaged")]
    Damaged,
}

impl Trace {
    /// Writes it down, with the tokens of its reply.
    pub fn to_bytes(&self, ids: &Ids) -> Vec<u8> {
        let mut out = vec![VERSION];
        write_ids(&mut out, &ids.prompt);
        write_ids(&mut out, &ids.chosen);
        write(&mut out, self.pieces.len() as u64);
        for (token, piece) in &self.pieces {
            write_id(&mut out, *token);
            write(&mut out, piece.len() as u64);
            out.extend_from_slice(piece);
        }
        write(&mut out, self.tokens.len() as u64);
        for token in &self.tokens {
            write_token(&mut out, token);
        }
        out
    }

    /// Reads what [`Trace::to_bytes`] wrote. Whatever the bytes are, it takes no more memory than
    /// some hundred times their length.
    ///
    /// # Errors
    /// When it is damaged, or written by a newer version.
    pub fn from_bytes(bytes: &[u8]) -> Result<(Self, Ids), BadBlob> {
        match bytes.first() {
            Some(&VERSION) => {}
            Some(&version) if version > VERSION => return Err(BadBlob::Newer(version)),
            _ => return Err(BadBlob::Damaged),
        }
        let mut reader = Reader { left: &bytes[1..] };
        reader.all().ok_or(BadBlob::Damaged)
    }
}

fn write_token(out: &mut Vec<u8>, token: &TokenTrace) {
    write(out, token.at.into());
    write_id(out, token.token);
    write(out, token.rank.into());
    write_u16(out, (token.entropy * STEPS).round());
    write(out, token.stages.len() as u64);
    for stage in &token.stages {
        out.push(stage.stage as u8);
        write(out, stage.kept.into());
        write_p(out, stage.mass);
    }
    write(out, token.candidates.len() as u64);
    for candidate in &token.candidates {
        write_id(out, candidate.token);
        write_p(out, candidate.p);
        write(out, candidate.after.len() as u64);
        for p in &candidate.after {
            write_p(out, *p);
        }
    }
}

fn write(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn write_id(out: &mut Vec<u8>, id: i32) {
    write(out, u64::from(((id << 1) ^ (id >> 31)).cast_unsigned()));
}

fn write_ids(out: &mut Vec<u8>, ids: &[i32]) {
    write(out, ids.len() as u64);
    for id in ids {
        write_id(out, *id);
    }
}

fn write_p(out: &mut Vec<u8>, p: f32) {
    write_u16(out, (-p.ln() * STEPS).round());
}

/// A float as the nearest u16; what is no number is the greatest.
fn write_u16(out: &mut Vec<u8>, value: f32) {
    let value = if value.is_nan() {
        u16::MAX
    } else {
        value as u16
    };
    out.extend_from_slice(&value.to_le_bytes());
}

struct Reader<'a> {
    left: &'a [u8],
}

impl Reader<'_> {
    fn all(&mut self) -> Option<(Trace, Ids)> {
        let prompt = self.list(1, Self::id)?;
        let chosen = self.list(1, Self::id)?;
        let pieces: BTreeMap<i32, Box<[u8]>> = self
            .list(2, |reader| {
                let id = reader.id()?;
                let length = usize::try_from(reader.number()?).ok()?;
                Some((id, reader.bytes(length)?.into()))
            })?
            .into_iter()
            .collect();
        let tokens = self.list(7, Self::token)?;
        let trace = Trace { tokens, pieces };
        self.left
            .is_empty()
            .then_some((trace, Ids { prompt, chosen }))
    }

    fn token(&mut self) -> Option<TokenTrace> {
        let at = u32::try_from(self.number()?).ok()?;
        let token = self.id()?;
        let rank = u32::try_from(self.number()?).ok()?;
        let entropy = f32::from(self.u16()?) / STEPS;
        let stages = self.list(4, |reader| {
            let number = usize::from(*reader.bytes(1)?.first()?);
            Some(StageTrace {
                stage: *Stage::ALL.get(number)?,
                kept: u32::try_from(reader.number()?).ok()?,
                mass: reader.p()?,
            })
        })?;
        let candidates = self.list(4, |reader| {
            let candidate = CandidateTrace {
                token: reader.id()?,
                p: reader.p()?,
                after: reader.list(2, Self::p)?,
            };
            (candidate.after.len() <= stages.len()).then_some(candidate)
        })?;
        Some(TokenTrace {
            at,
            token,
            rank,
            entropy,
            stages,
            candidates,
        })
    }

    /// A list whose elements take at least so many bytes each.
    fn list<T>(
        &mut self,
        least: usize,
        mut element: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let count = usize::try_from(self.number()?).ok()?;
        if count > self.left.len() / least {
            return None;
        }
        (0..count).map(|_| element(self)).collect()
    }

    fn bytes(&mut self, length: usize) -> Option<&[u8]> {
        let (bytes, left) = self.left.split_at_checked(length)?;
        self.left = left;
        Some(bytes)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes(1)?.first()?;
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn id(&mut self) -> Option<i32> {
        let number = u32::try_from(self.number()?).ok()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.bytes(2)?.try_into().ok()?))
    }

    fn p(&mut self) -> Option<f32> {
        Some((-f32::from(self.u16()?) / STEPS).exp())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token() -> impl Strategy<Value = TokenTrace> {
        let stage =
            (0..Stage::ALL.len(), any::<u32>(), 0.0_f32..=1.0).prop_map(|(stage, kept, mass)| {
                StageTrace {
                    stage: Stage::ALL[stage],
                    kept,
                    mass,
                }
            });
        let p = 1e-9_f32..=1.0;
        let candidate = (any::<i32>(), p.clone(), prop::collection::vec(p, 0..4))
            .prop_map(|(token, p, after)| CandidateTrace { token, p, after });
        (
            any::<u32>(),
            any::<i32>(),
            any::<u32>(),
            0.0_f32..20.0,
            prop::collection::vec(stage, 4),
            prop::collection::vec(candidate, 0..6),
        )
            .prop_map(
                |(at, token, rank, entropy, stages, candidates)| TokenTrace {
                    at,
                    token,
                    rank,
                    entropy,
                    stages,
                    candidates,
                },
            )
    }

    fn near(a: f32, b: f32) -> bool {
        (a - b).abs() <= 3e-4 * a.abs().max(1e-9)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            tokens in prop::collection::vec(token(), 0..6),
            pieces in prop::collection::btree_map(any::<i32>(), prop::collection::vec(any::<u8>(), 0..9), 0..6),
            prompt in prop::collection::vec(any::<i32>(), 0..9),
            chosen in prop::collection::vec(any::<i32>(), 0..9),
        ) {
            let pieces = pieces.into_iter().map(|(id, piece)| (id, piece.into())).collect();
            let (trace, ids) = (Trace { tokens, pieces }, Ids { prompt, chosen });
            let bytes = trace.to_bytes(&ids);
            let (read, read_ids) = Trace::from_bytes(&bytes).unwrap();
            prop_assert_eq!(&read_ids, &ids);
            prop_assert_eq!(&read.pieces, &trace.pieces);
            prop_assert_eq!(read.tokens.len(), trace.tokens.len());
            for (read, written) in read.tokens.iter().zip(&trace.tokens) {
                prop_assert_eq!((read.at, read.token, read.rank), (written.at, written.token, written.rank));
                prop_assert!((read.entropy - written.entropy).abs() < 1e-3);
                for (read, written) in read.candidates.iter().zip(&written.candidates) {
                    prop_assert_eq!(read.token, written.token);
                    prop_assert!(near(read.p, written.p), "{} {}", read.p, written.p);
                    prop_assert_eq!(read.after.len(), written.after.len());
                }
            }
            // Written again it is the same: nothing drifts.
            prop_assert_eq!(read.to_bytes(&ids), bytes);
        }

        #[test]
        fn no_bytes_break_the_reader(mut bytes in prop::collection::vec(any::<u8>(), 0..200), versioned in any::<bool>()) {
            if versioned && !bytes.is_empty() { bytes[0] = VERSION; }
            let _ = Trace::from_bytes(&bytes);
        }

        #[test]
        fn damage_is_an_error_or_another_trace(tokens in prop::collection::vec(token(), 1..4), at in any::<prop::sample::Index>(), value in any::<u8>()) {
            let trace = Trace { tokens, ..Trace::default() };
            let mut bytes = trace.to_bytes(&Ids::default());
            let at = at.index(bytes.len());
            bytes[at] = value;
            let _ = Trace::from_bytes(&bytes);
            bytes.truncate(at);
            prop_assert!(Trace::from_bytes(&bytes).is_err());
        }
    }

    #[test]
    fn a_newer_format_is_told_apart_from_damage() {
        assert_eq!(Trace::from_bytes(&[9]), Err(BadBlob::Newer(9)));
        assert_eq!(Trace::from_bytes(&[]), Err(BadBlob::Damaged));
        assert_eq!(Trace::from_bytes(&[0]), Err(BadBlob::Damaged));
    }
}
