//! What a certificate, a log or an authority for time stamps must show, and does not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};

use super::accepted::signed_by_key;
use super::{Case, bent, bytes, other_statement, provenance, refused, signed, signed_by};
use crate::cases::list::Fails;
use crate::sigstore::authority::Authority;
use crate::sigstore::holder::{Name, Promise};
use crate::sigstore::timestamp::TimestampAuthority;
use crate::sigstore::{
    Content, Holder, Key, SERVER_AUTH, Signing, Sigstore, Version, signed_at, time,
};

const UNTRUSTED: Fails = &[("signature", "certificate-untrusted")];
const NOT_VALID: Fails = &[("signature", "certificate-not-valid")];
const NOT_LOGGED: Fails = &[("signature", "certificate-not-logged")];
const MALFORMED: Fails = &[("signature", "certificate-malformed")];
const ENTRY_MISSING: Fails = &[("signature", "log-entry-missing")];
const ENTRY_MISMATCH: Fails = &[("signature", "log-entry-mismatch")];
const LOG_UNKNOWN: Fails = &[("signature", "log-unknown")];
const CHECKPOINT: Fails = &[("signature", "log-checkpoint")];
const INCLUSION: Fails = &[("signature", "log-inclusion")];
const PROMISE: Fails = &[("signature", "log-promise")];
const STAMP_INVALID: Fails = &[("signature", "timestamp-invalid")];

fn changed(change: impl FnOnce(&mut Holder)) -> Holder {
    let mut holder = Holder::workflow();
    change(&mut holder);
    holder
}

/// The provenance with a time stamp and without a log, its certificate by an authority below the root that is
/// valid until then.
fn by_chain(until: &str) -> Signing {
    let authority = Authority::named("wheelmark", time("2024-01-01T00:00:00Z"), time(until));
    let instance = Sigstore { authority, ..Sigstore::default() };
    let signing = instance.sign(&Holder::workflow(), &provenance().to_string());
    Signing { entries: Vec::new(), ..signing.stamped(&instance.timestamps, signed_at()) }
}

/// A case whose instance has its root alone as authority, and neither certificate log nor log.
fn chained(name: &str, changed: &str, fails: Fails, until: &str) -> Case {
    let mut case = Case::certified(name, changed).failing(fails).trusting(|root| {
        root["tlogs"] = json!([]);
        root["ctlogs"] = json!([]);
        let chain = &mut root["certificateAuthorities"][0]["certChain"]["certificates"];
        *chain = json!([chain[1].clone()]);
    });
    case.bundle = Some(bytes(&by_chain(until).bundle_of(Version::V0_2)));
    case
}

pub(super) fn certificates() -> Vec<Case> {
    let impostor = {
        let authority = Sigstore::named("impostor").authority;
        let instance = Sigstore { authority, ..Sigstore::default() };
        instance.sign(&Holder::workflow(), &provenance().to_string())
    };
    vec![
        refused(
            "certificate_of_another_authority_fail",
            "An authority that the instance does not know issued the certificate.",
            UNTRUSTED,
            &impostor,
        ),
        signed_by(
            "certificate_for_another_use_fail",
            "The certificate is for servers and not for signing code.",
            UNTRUSTED,
            &changed(|it| it.purpose = SERVER_AUTH),
        ),
        Case::certified(
            "certificate_authority_ended_fail",
            "The instance's authority counted until half a year before it issued the certificate.",
        )
        .failing(UNTRUSTED)
        .trusting(|root| {
            let window = &mut root["certificateAuthorities"][0]["validFor"];
            window["end"] = json!("2025-06-01T00:00:00Z");
        }),
        chained(
            "certificate_chain",
            "The bundle brings along the authority's certificate, below the root of the instance.",
            &[],
            "2033-01-01T00:00:00Z",
        ),
        chained(
            "certificate_chain_expired_fail",
            "The authority's certificate that the bundle brings along had expired; no log is asked.",
            NOT_VALID,
            "2025-06-01T00:00:00Z",
        ),
        signed_by(
            "certificate_not_logged_fail",
            "The certificate holds no promise that it is in a certificate log.",
            NOT_LOGGED,
            &changed(|it| it.promise = Promise::None),
        ),
        signed_by(
            "certificate_log_unknown_fail",
            "A certificate log that the instance does not know promised to take the certificate.",
            NOT_LOGGED,
            &changed(|it| it.promise = Promise::By(Key::named("another certificate log"))),
        ),
        signed_by(
            "certificate_promise_of_another_fail",
            "The certificate log's promise is of a certificate that is valid for a year.",
            NOT_LOGGED,
            &changed(|it| it.promise = Promise::ForAnother),
        ),
        signed_by(
            "certificate_without_issuer_fail",
            "The certificate does not say who vouches for its holder.",
            MALFORMED,
            &Holder::workflow().without(&[1, 8]),
        ),
        signed_by(
            "certificate_of_a_host_fail",
            "The certificate names a host, and neither a person nor what defines a job.",
            MALFORMED,
            &changed(|it| it.name = Name::Host("demo.example".to_owned())),
        ),
        signed_by(
            "certificate_of_two_names_fail",
            "The certificate has a second name, which another reader may take for the holder's.",
            MALFORMED,
            &changed(|it| {
                let names = ["manager@demo.example", "stranger@demo.example"];
                it.name = Name::Emails(names.map(str::to_owned));
            }),
        ),
        bent(
            "certificate_truncated_fail",
            "The last byte of the certificate is missing.",
            MALFORMED,
            |bundle| {
                let der = &mut bundle["verificationMaterial"]["certificate"]["rawBytes"];
                let mut bytes = decoded(der);
                bytes.pop();
                *der = json!(STANDARD.encode(bytes));
            },
        ),
        refused(
            "certificate_of_another_signing_fail",
            "The certificate is the same workflow's, from another run with another key.",
            &[("signature", "signature-invalid")],
            &Signing { by: other_run().by, ..signed() },
        ),
    ]
}

/// The same statement, signed in another run.
fn other_run() -> Signing {
    let holder = changed(|it| it.key = Key::named("another run"));
    Sigstore::default().sign(&holder, &provenance().to_string())
}

pub(super) fn entries() -> Vec<Case> {
    let instance = Sigstore::default();
    let other = instance.sign(&Holder::workflow(), &other_statement());
    let elsewhere = Sigstore { log: Sigstore::named("elsewhere").log, ..Sigstore::default() };
    let entry = |name: &str, changed: &str, fails: Fails, change: &dyn Fn(&mut Value)| {
        bent(name, changed, fails, |it| change(&mut it["verificationMaterial"]["tlogEntries"][0]))
    };
    let logged = |name: &str, changed: &str, fails: Fails, entries: Vec<Value>| {
        refused(name, changed, fails, &Signing { entries, ..signed() })
    };
    let (kind, mut spec) = signed().entry_spec();
    spec.as_object_mut().expect("an object").remove("payloadHash");
    let malformed = instance.log.entry(kind, "0.0.1", &spec, signed_at());
    let [mut own, mut beside] = [0, 1].map(|_| signed().entries.remove(0));
    flip(&mut beside["inclusionPromise"]["signedEntryTimestamp"]);
    own["kindVersion"] = json!({"kind": "hashedrekord", "version": "0.0.1"});

    let mut by_key = Case::certified(
        "key_not_in_log_fail",
        "A key signed, whose signatures the policy wants in a log, and the entry is of another file.",
    )
    .failing(ENTRY_MISMATCH);
    let mut keyed = signed_by_key();
    keyed.entries = other.entries.clone();
    by_key.bundle = Some(bytes(&keyed.bundle()));
    by_key.policy = crate::cases::signed::policy();
    let mut key_unlogged = by_key.under("[keys.release]\n", "[keys.release]\nlog = \"private\"\n");
    let by_key = key_unlogged.clone();
    key_unlogged.name = "key_without_log_entry_fail".to_owned();
    key_unlogged.changed =
        "A key signed, whose signatures the policy wants in a log, and there is no entry."
            .to_owned();
    keyed.entries = Vec::new();
    key_unlogged.bundle = Some(bytes(&keyed.bundle()));
    let key_unlogged = key_unlogged.failing(ENTRY_MISSING);
    let mut key_later = by_key.clone();
    key_later.name = "key_in_log_before_its_time_fail".to_owned();
    key_later.changed =
        "The key in the log is valid from after the time of the entry, which is before the verification."
            .to_owned();
    key_later.bundle = Some(bytes(&signed_by_key().bundle()));
    let from = (signed_at() + TimeDelta::seconds(1)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let key_later = key_later
        .under("[keys.release]\n", &format!("[keys.release]\nvalid-from = {from}\n"))
        .failing(&[("signature", "key-not-valid-now")]);

    vec![
        logged(
            "log_entry_missing_fail",
            "The bundle holds no entry of a log.",
            ENTRY_MISSING,
            vec![],
        ),
        entry(
            "log_proof_missing_fail",
            "The log's entry comes with a promise and without the proof that it was kept.",
            ENTRY_MISSING,
            &|it| drop(it.as_object_mut().expect("an entry").remove("inclusionProof")),
        ),
        logged(
            "log_entry_of_another_fail",
            "The log's entry is a true one, of another file that the same workflow signed.",
            ENTRY_MISMATCH,
            other.entries,
        ),
        logged(
            "log_entry_of_another_run_fail",
            "The log's entry is a true one, of the same statement signed in another run.",
            ENTRY_MISMATCH,
            other_run().entries,
        ),
        logged(
            "log_entry_false_beside_fail",
            "Beside the true entry is the same one again, its promise changed.",
            PROMISE,
            vec![signed().entries.remove(0), beside],
        ),
        logged(
            "log_entry_malformed_fail",
            "The log's entry says nothing of what was signed.",
            &[("signature", "log-entry-malformed")],
            vec![malformed],
        ),
        logged(
            "log_entry_of_another_kind_fail",
            "The log's entry is called one of a bare signature.",
            &[("signature", "bundle-unsupported")],
            vec![own],
        ),
        refused(
            "log_of_another_fail",
            "The entry is in the log of another instance.",
            LOG_UNKNOWN,
            &elsewhere.sign(&Holder::workflow(), &provenance().to_string()),
        ),
        Case::certified(
            "log_ended_fail",
            "The instance's log counted until half a year before it took the entry.",
        )
        .failing(LOG_UNKNOWN)
        .trusting(|root| {
            root["tlogs"][0]["publicKey"]["validFor"]["end"] = json!("2025-06-01T00:00:00Z");
        }),
        entry("log_proof_changed_fail", "One bit of the proof was changed.", INCLUSION, &|it| {
            flip(&mut it["inclusionProof"]["hashes"][0])
        }),
        entry(
            "log_proof_of_another_place_fail",
            "The proof is said to be of another place in the tree.",
            INCLUSION,
            &|it| it["inclusionProof"]["logIndex"] = json!("3"),
        ),
        entry(
            "log_checkpoint_of_another_key_fail",
            "Another key than the log's signed the checkpoint.",
            CHECKPOINT,
            &|it| {
                let root = decoded(&it["inclusionProof"]["rootHash"]);
                let root = root.try_into().expect("32 bytes");
                let log = Sigstore::default().log;
                let checkpoint = log.checkpoint(7, root, &Key::named("another log"));
                it["inclusionProof"]["checkpoint"]["envelope"] = json!(checkpoint);
            },
        ),
        entry(
            "log_checkpoint_size_changed_fail",
            "The size of the tree in the checkpoint was changed after the log signed it.",
            CHECKPOINT,
            &|it| {
                let envelope = &mut it["inclusionProof"]["checkpoint"]["envelope"];
                *envelope = json!(envelope.as_str().expect("text").replacen("\n7\n", "\n8\n", 1));
            },
        ),
        entry(
            "log_checkpoint_of_another_tree_fail",
            "The checkpoint is a true one of the log, of another tree than the proof.",
            CHECKPOINT,
            &|it| {
                let mut other = instance.sign(&Holder::workflow(), &other_statement());
                it["inclusionProof"]["checkpoint"] =
                    other.entries.remove(0)["inclusionProof"]["checkpoint"].take();
            },
        ),
        entry(
            "log_promise_changed_fail",
            "One bit of the log's promise was changed.",
            PROMISE,
            &|it| flip(&mut it["inclusionPromise"]["signedEntryTimestamp"]),
        ),
        entry(
            "log_time_changed_fail",
            "The time of the entry was changed by a minute, which the log did not sign.",
            PROMISE,
            &|it| {
                let at = signed_at() + TimeDelta::minutes(1);
                it["integratedTime"] = json!(at.timestamp().to_string());
            },
        ),
        two_instances(
            "two_instances_log_fail",
            "The policy trusts two instances, and the proof of the one that signed was changed.",
            &signed(),
        ),
        two_instances(
            "two_instances_time_stamp_fail",
            "The same, and the signature is stamped too by an authority that the other does not know.",
            &signed().stamped(&instance.timestamps, signed_at()),
        ),
        by_key,
        key_unlogged,
        key_later,
    ]
}

/// What is said must be the reason of the instance that signed, and not that the other does not know it.
fn two_instances(name: &str, changed: &str, signing: &Signing) -> Case {
    let mut signing = signing.clone();
    flip(&mut signing.entries[0]["inclusionProof"]["hashes"][0]);
    let other = "[identities.other]\ntrust = \"staging\"\nissuer = \"https://issuer.example\"\nsan = \"x\"\n";
    refused(name, changed, INCLUSION, &signing)
        .under("[[rules]]", &format!("{other}\n[[rules]]"))
        .under("identities = [\"release\"]", "identities = [\"release\", \"other\"]")
}

pub(super) fn times() -> Vec<Case> {
    let instance = Sigstore::default();
    // The certificate is valid for ten minutes from `from` on, the entry taken at `at`.
    let signed_in = |name: &str, changed: &str, fails: Fails, from: &str, at: &str| {
        let mut holder = Holder::workflow();
        holder.from = time(from);
        let content = Content::Statement(provenance().to_string());
        refused(name, changed, fails, &instance.sign_at(&holder, content, time(at)))
    };
    let stamped = |name: &str, changed: &str, fails: Fails, token: Vec<u8>| {
        refused(name, changed, fails, &Signing { tokens: vec![token], ..signed() })
    };
    let signature = signed().signature;
    let stranger = TimestampAuthority::named("stranger", time("2024-01-01T00:00:00Z"));
    vec![
        signed_in(
            "signed_after_certificate_fail",
            "The log took the entry five minutes after the certificate had expired.",
            NOT_VALID,
            "2025-12-01T11:45:00Z",
            "2025-12-01T12:00:00Z",
        ),
        signed_in(
            "signed_before_certificate_fail",
            "The log took the entry before the certificate was valid.",
            NOT_VALID,
            "2025-12-01T12:05:00Z",
            "2025-12-01T12:00:00Z",
        ),
        signed_in(
            "signed_later_fail",
            "The log took the entry a day after the time at which is judged.",
            &[("signature", "signed-later")],
            "2026-01-02T00:00:00Z",
            "2026-01-02T00:01:00Z",
        ),
        signed_in(
            "log_time_in_the_future_fail",
            "The log says that it took the entry in the year 2100.",
            &[("signature", "log-time")],
            "2100-01-01T00:00:00Z",
            "2100-01-01T00:01:00Z",
        ),
        bent(
            "log_time_without_promise_fail",
            "The entry has a proof and a time, and no promise by which the log would sign the time.",
            &[("signature", "timestamp-missing")],
            |bundle| {
                let entry = &mut bundle["verificationMaterial"]["tlogEntries"][0];
                entry.as_object_mut().expect("an entry").remove("inclusionPromise");
            },
        ),
        stamped(
            "time_stamp_of_another_signature_fail",
            "The authority stamped another signature.",
            STAMP_INVALID,
            instance.timestamps.token(b"another signature", signed_at()),
        ),
        stamped(
            "time_stamp_of_another_authority_fail",
            "An authority that the instance does not know stamped the signature.",
            STAMP_INVALID,
            stranger.token(&signature, signed_at()),
        ),
        stamped(
            "time_stamp_malformed_fail",
            "The time stamp is no token.",
            STAMP_INVALID,
            b"at noon".to_vec(),
        ),
        Case::certified(
            "time_stamp_authority_ended_fail",
            "The authority that stamped counted until half a year before.",
        )
        .failing(STAMP_INVALID)
        .holding(&signed().stamped(&instance.timestamps, signed_at()))
        .trusting(|root| {
            let window = &mut root["timestampAuthorities"][0]["validFor"];
            window["end"] = json!("2025-06-01T00:00:00Z");
        }),
        stamped(
            "time_stamp_after_certificate_fail",
            "The log's time is right, and the time stamp's is after the certificate had expired.",
            NOT_VALID,
            instance.timestamps.token(&signature, signed_at() + TimeDelta::hours(1)),
        ),
    ]
}

fn decoded(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().expect("base64")).expect("base64")
}

/// Changes one bit in the middle of what base64 stands for.
fn flip(value: &mut Value) {
    let mut bytes = decoded(value);
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    *value = json!(STANDARD.encode(bytes));
}
