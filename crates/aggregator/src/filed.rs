//! A call as it is put away: its frame, and the names that were taken out of it (see
//! [`names`](crate::names)).
//!
//! Both are found out when a call is first seen, from the record at hand, and are all that is kept of it
//! until it is put where it belongs.

use smallvec::SmallVec;

use crate::call::{Call, Reader, put, put_length};
use crate::names::{self, Taken};

/// A call's pieces, one behind another; most have one.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Filed(Box<[u8]>);

/// A call about one thing at each place, or what [`names::pieces`] makes of one about many.
#[derive(Debug)]
pub(crate) struct Piece<'f> {
    /// See [`Call::encode_with`].
    pub(crate) frame: &'f [u8],
    pub(crate) containers: Names<'f>,
    pub(crate) names: Names<'f>,
}

pub(crate) type Names<'f> = SmallVec<[&'f str; 4]>;

/// Memory for filing calls, used again from call to call.
#[derive(Debug, Default)]
pub(crate) struct Filing {
    taken: Taken,
    frame: Vec<u8>,
    out: Vec<u8>,
}

impl Filing {
    /// Files a call, which must be canonical.
    pub(crate) fn file(&mut self, call: &Call<'_>) -> Filed {
        self.out.clear();
        let pieces = names::pieces(call);
        if pieces.is_empty() {
            self.put(call);
        }
        pieces.iter().for_each(|piece| self.put(piece));
        Filed(self.out.as_slice().into())
    }

    fn put(&mut self, piece: &Call<'_>) {
        let Filing { taken, frame, out } = self;
        taken.take(piece);
        frame.clear();
        piece.encode_with(Some(taken), frame);
        put_length(out, frame.len());
        out.extend_from_slice(frame);
        put_length(out, taken.containers().len());
        taken.containers().for_each(|name| put(out, name));
        put_length(out, taken.names().len());
        taken.names().for_each(|name| put(out, name));
    }
}

impl Filed {
    /// Returns the bytes that it takes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the pieces.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let mut reader = Reader::new(&self.0);
        std::iter::from_fn(move || {
            let length = reader.length()?;
            let frame = reader.take(length)?;
            let (containers, names) = (read_names(&mut reader)?, read_names(&mut reader)?);
            Some(Piece { frame, containers, names })
        })
    }
}

fn read_names<'f>(reader: &mut Reader<'f>) -> Option<Names<'f>> {
    (0..reader.length()?).map(|_| reader.text()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Resource;

    #[test]
    fn a_call_about_many_things_is_filed_as_one_about_each() {
        let mut bytes = vec![0];
        ["s3.amazonaws.com", "DeleteObjects", "eu-west-1", "111122223333"]
            .iter()
            .for_each(|text| put(&mut bytes, text));
        bytes.extend([0, 0, 0, 0]);
        let mut call = Call::decode(&bytes).unwrap();
        call.parts.push(("request.bucketname".into(), "b".into()));
        let of = |call: &Call<'_>| {
            let filed = Filing::default().file(call);
            let of = |piece: Piece<'_>| {
                let own = |names: &Names<'_>| names.iter().map(ToString::to_string).collect();
                (
                    Call::decode(piece.frame).unwrap().piece,
                    own(&piece.containers),
                    own(&piece.names),
                )
            };
            filed.pieces().map(of).collect::<Vec<(bool, Vec<String>, Vec<String>)>>()
        };
        assert_eq!(of(&call), [(false, vec!["b".to_owned()], vec![])]);
        for key in ["a", "c", "d", "e", "f", "g", "h", "i", "j"] {
            let arn = format!("arn:aws:s3:::b/{key}").into();
            call.resources.push(Resource { arn, is_prefix: false, kind: None, account: None });
        }
        let pieces = of(&call);
        assert_eq!(pieces.len(), 9);
        assert_eq!(pieces[8], (true, vec!["b".to_owned()], vec!["j".to_owned()]));
    }
}
