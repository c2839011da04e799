//! The package index that this machine is configured with.

use wheelmark_tests::workshop::skipped;

use super::*;

/// Both files of the release come whole. Where the index has attestations of them they hold; where it has
/// none, that is the reason of the refusal, and nothing else is.
#[test]
fn a_release_of_the_real_index_is_downloaded_and_judged() {
    let mut command = wheelmark();
    command.args(["verify", "--from-index", "sampleproject==4.0.0", "--trust", "public-good"]);
    command.args(["--source", "https://github.com/pypa/sampleproject", "--format", "json"]);
    let output = command.output().expect("it runs");
    let told: Value = serde_json::from_slice(&output.stdout).expect("one document");
    let unreachable = |error: &str| error.contains("no answer") || error.contains("in time");
    let errors = told["results"].as_array().into_iter().flatten();
    let mut errors = errors.filter_map(|it| it["error"]["error"].as_str());
    if let Some(error) = errors.find(|error| unreachable(error)) {
        return skipped(format!("no index can be reached: {error}"));
    }
    let names: Vec<_> = results(&told).into_iter().map(|(name, _)| name.to_owned()).collect();
    let expected = ["sampleproject-4.0.0-py3-none-any.whl", "sampleproject-4.0.0.tar.gz"];
    assert_eq!(names, expected, "{told:#}");
    for result in told["results"].as_array().expect("results") {
        let report = &result["report"];
        let failures = wheelmark_tests::statement::failures(report);
        if failures.is_empty() {
            assert_eq!(report["decision"], "accepted");
            continue;
        }
        let missing = ("attestation".to_owned(), "attestation-missing".to_owned());
        assert_eq!(failures, [missing], "{report:#}");
        assert_eq!(report["decision"], "rejected");
        assert!(report["notes"].to_string().contains("has no attestation of"), "{report:#}");
    }
}
