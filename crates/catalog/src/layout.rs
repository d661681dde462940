//! The bytes of a compiled catalog, as its writer and its reader agree on them.
//!
//! A catalog is a header, an array of little-endian words of 32 bits, and a pool of strings. A
//! *node* is an offset into the words: a count, then that many items. An item is a number, a
//! string (an offset into the pool: a length of 16 bits, then UTF-8) or another node; which of
//! them is known from the place, there are no tags. Node 0 is the empty list and string 0 the
//! empty string, so a zero is always a sound answer, and a damaged file cannot make the reader
//! leave its bounds.
//!
//! An *index* is a node whose items are the slots of an open-addressed hash table, at most half
//! full, its size a power of two: each slot is 0 or an entry node whose first item is the key. The
//! key is always compared, so the hash need not be trusted.
//!
//! This file is compiled into two crates (the compiler that writes and the catalog that reads), so
//! it depends on nothing.

/// How a catalog begins. The digits count up with every change of layout.
pub const MAGIC: &[u8; 8] = b"TTCATL01";

/// Size of the header in bytes: magic, root node, number of words, bytes of the pool.
pub const HEADER: usize = 20;

/// Returns the hash that places a key in an index (FNV-1a, with its bits mixed once more).
pub fn hash(key: &str) -> u32 {
    let mut hash: u32 = 0x811c_9dc5;
    for byte in key.bytes() {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    (hash ^ (hash >> 15)).wrapping_mul(0x2c1b_3c6d)
}
