//! The corpus of the fuzz targets as an ordinary test: every seed, every finding of old, and pieces of them go through every parser.
use std::path::Path;

#[path = "../../fuzz/parsers.rs"]
mod parsers;

#[test]
fn the_corpus_of_every_fuzz_target_is_read_without_a_finding() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, parser) in parsers::ALL {
        let folder = corpus.join(name);
        let mut seeds = 0;
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            for piece in [&bytes[..], &bytes[..bytes.len() / 2], &bytes[bytes.len() / 3..], &bytes[..bytes.len().saturating_sub(1)]] {
                parser(piece);
            }
            seeds += 1;
        }
        assert!(seeds >= 3, "{name} has a corpus of {seeds}");
    }
}

/// Changes a seed a little: bytes flipped, cut out, doubled, taken from another seed, or numbers and marks put in.
fn mutated(seeds: &[Vec<u8>], dice: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
    const PIECES: [&[u8]; 12] =
        [b"\n", b"\r\n", b"---\n", b"\0", b"\xff\xfe", b"\xe2\x80\xae", b"\"", b"{", b"]", b"99999999999999999999", b"- [ ] s1 ", b": "];
    let mut bytes = seeds[dice(seeds.len())].clone();
    for _ in 0..=dice(6) {
        let (at, length) = (dice(bytes.len() + 1), dice(12));
        let end = (at + length).min(bytes.len());
        match dice(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << dice(8),
            1 => drop(bytes.drain(at..end)),
            2 => drop(bytes.splice(at..at, bytes[at..end].to_vec())),
            3 => drop(bytes.splice(at..end, PIECES[dice(PIECES.len())].iter().copied())),
            4 => bytes.truncate(at.max(1)),
            _ => {
                let other = &seeds[dice(seeds.len())];
                let from = dice(other.len() + 1);
                let piece = other[from..(from + 200).min(other.len())].to_vec();
                drop(bytes.splice(at..end, piece));
            }
        }
    }
    bytes
}

#[test]
#[ignore = "long; tests/soak runs it"]
fn mutations_of_the_corpus_are_read_without_a_finding() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, parser) in parsers::ALL {
        let files = std::fs::read_dir(corpus.join(name)).unwrap();
        let mut seeds: Vec<Vec<u8>> = files.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect();
        seeds.sort();
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut dice = |sides: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % sides.max(1) as u64).unwrap()
        };
        let rounds: u64 = std::env::var("MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(20_000);
        for _ in 0..rounds {
            let bytes = mutated(&seeds, &mut dice);
            if std::panic::catch_unwind(|| parser(&bytes)).is_err() {
                panic!("{name}: a finding: {:?}", String::from_utf8_lossy(&bytes));
            }
        }
        println!("fuzz: {name}: {rounds} mutated inputs tried, findings: 0");
    }
}

#[test]
fn every_fuzz_target_has_its_parser() {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let mut found: Vec<String> = std::fs::read_dir(targets)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    found.sort();
    assert_eq!(found, parsers::ALL.map(|(name, _)| name.to_owned()));
}
