//! The trailtrim binary: parses the arguments and hands over to the library.

fn main() {}
