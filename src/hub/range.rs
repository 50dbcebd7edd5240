//! Where an answer's bytes belong in the file: what a server says it sends is not believed before
//! it fits what was asked for.

use super::client::Answer;
use super::client::header;

/// What an answer brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// The rest, from where the file ends.
    Rest,
    /// All of it: what is here goes.
    Anew,
}

/// Why an answer cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Other bytes than those that were asked for: all of it is asked for next.
    Range(String),
    /// The file has another size than was announced.
    Size { is: u64, announced: u64 },
    /// The bytes are packed, which was not asked for.
    Packed,
}

/// The head of an answer, as far as it says what comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    pub status: u16,
    pub content_length: Option<u64>,
    pub content_range: Option<&'a str>,
    pub content_encoding: Option<&'a str>,
}

impl<'a> Head<'a> {
    pub(super) fn of(answer: &'a Answer) -> Self {
        let text = |name| header(&answer.headers, name);
        Self {
            status: answer.status,
            content_length: text("content-length").and_then(|length| length.trim().parse().ok()),
            content_range: text("content-range"),
            content_encoding: text("content-encoding"),
        }
    }

    /// Where the bytes go when they were asked for from `from` on, and how many the file has at the
    /// end. `size` is what was announced, if anything was.
    ///
    /// # Errors
    /// When they are not what was asked for.
    pub(super) fn start(
        &self,
        from: u64,
        size: Option<u64>,
    ) -> Result<(Start, Option<u64>), Wrong> {
        let packed = self
            .content_encoding
            .is_some_and(|encoding| !encoding.trim().eq_ignore_ascii_case("identity"));
        if packed {
            return Err(Wrong::Packed);
        }
        let (start, total) = match self.status {
            206 => {
                let text = self.content_range.unwrap_or_default();
                let said = || {
                    Wrong::Range(format!(
                        "bytes from {from} on were asked for, '{text}' comes"
                    ))
                };
                let (first, last, total) = content_range(text).ok_or_else(said)?;
                let length = last
                    .checked_sub(first)
                    .and_then(|length| length.checked_add(1));
                let fits = first == from
                    && length.is_some()
                    && self.content_length.is_none_or(|sent| Some(sent) == length)
                    && total.is_none_or(|total| last < total);
                if !fits {
                    return Err(said());
                }
                (Start::Rest, total)
            }
            416 => {
                return Err(Wrong::Range(format!(
                    "the server has no bytes from {from} on"
                )));
            }
            _ => (Start::Anew, self.content_length),
        };
        match (size, total) {
            (Some(announced), Some(is)) if is != announced => Err(Wrong::Size { is, announced }),
            (size, total) => Ok((start, size.or(total))),
        }
    }
}

/// `bytes 10-19/100`: the first, the last, and how many there are (RFC 9110 section 14.4).
fn content_range(text: &str) -> Option<(u64, u64, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let total = match total {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    Some((first.parse().ok()?, last.parse().ok()?, total))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(range: &str) -> Head<'_> {
        Head {
            status: 206,
            content_length: None,
            content_range: Some(range),
            content_encoding: None,
        }
    }

    fn whole(length: Option<u64>) -> Head<'static> {
        Head {
            status: 200,
            content_length: length,
            content_range: None,
            content_encoding: None,
        }
    }

    #[test]
    fn the_rest_is_the_rest() {
        assert_eq!(
            part("bytes 10-99/100").start(10, Some(100)),
            Ok((Start::Rest, Some(100)))
        );
        assert_eq!(
            part("bytes 10-99/*").start(10, Some(100)),
            Ok((Start::Rest, Some(100)))
        );
        assert_eq!(
            part("bytes 10-99/100").start(10, None),
            Ok((Start::Rest, Some(100)))
        );
        for wrong in [
            "bytes 0-99/100",
            "bytes 11-99/100",
            "bytes 10-5/100",
            "bytes 10-100/100",
            "lines 10-99/100",
            "",
            "bytes 10-99",
        ] {
            assert!(
                matches!(part(wrong).start(10, None), Err(Wrong::Range(_))),
                "{wrong}"
            );
        }
        let short = Head {
            content_length: Some(5),
            ..part("bytes 10-99/100")
        };
        assert!(short.start(10, None).is_err());
    }

    #[test]
    fn all_of_it_begins_anew() {
        assert_eq!(
            whole(Some(100)).start(10, Some(100)),
            Ok((Start::Anew, Some(100)))
        );
        assert_eq!(whole(None).start(0, None), Ok((Start::Anew, None)));
    }

    #[test]
    fn lies_are_noticed() {
        let lie = Err(Wrong::Size {
            is: 7,
            announced: 100,
        });
        assert_eq!(whole(Some(7)).start(0, Some(100)), lie);
        assert_eq!(part("bytes 3-6/7").start(3, Some(100)), lie);
        let packed = Head {
            content_encoding: Some("gzip"),
            ..whole(Some(100))
        };
        assert_eq!(packed.start(0, Some(100)), Err(Wrong::Packed));
        let nothing = Head {
            status: 416,
            ..whole(None)
        };
        assert!(matches!(nothing.start(10, None), Err(Wrong::Range(_))));
    }

    proptest! {
        #[test]
        fn what_is_appended_begins_where_the_file_ends(first in 0u64..50, last in any::<u64>(), total in any::<u64>(), from in 0u64..50) {
            let range = format!("bytes {first}-{last}/{total}");
            if let Ok((Start::Rest, Some(all))) = part(&range).start(from, None) {
                prop_assert!(first == from && last < all);
            }
        }
    }
}
