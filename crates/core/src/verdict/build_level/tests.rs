use sigstore_crypto::x509::FulcioCiClaims;

use super::*;
use crate::attestation::pep517;
use crate::policy::{IdentityRule, OnCommandLine, Policy};
use crate::trust::{GITHUB_ISSUER, KeyId, SubjectName, TrustRoot};

const REPOSITORY: &str = "https://github.com/o/r";
const WORKFLOW: &str = "https://github.com/o/r/.github/workflows/w.yml@refs/tags/v1";
const GENERIC: &str = "https://github.com/slsa-framework/slsa-github-generator/\
                       .github/workflows/generator_generic_slsa3.yml@refs/tags/v2.1.0";

/// Provenance, who signed it, and what the rule names.
struct Case {
    origin: Origin,
    certificate: CertificateIdentity,
    identity: IdentityRule,
    builders: Vec<&'static str>,
}

/// What GitHub's own action signs, under a policy that names the repository.
fn attested() -> Case {
    let mut claims = FulcioCiClaims::default();
    claims.source_repository_uri = Some(REPOSITORY.to_owned());
    claims.build_config_uri = Some(WORKFLOW.to_owned());
    claims.build_signer_uri = Some(WORKFLOW.to_owned());
    claims.runner_environment = Some("github-hosted".to_owned());
    let issuer = GITHUB_ISSUER.to_owned();
    let mut identity = IdentityRule::named(InstanceName::PublicGood, issuer.clone(), None);
    identity.repository = REPOSITORY.parse().ok();
    Case {
        origin: Origin {
            builder: Some(WORKFLOW.to_owned()),
            build_type: Some(github_workflow::BUILD_TYPE.to_owned()),
            ..Origin::default()
        },
        certificate: CertificateIdentity {
            instance: InstanceName::PublicGood,
            issuer,
            san: SubjectName::Uri(WORKFLOW.to_owned()),
            claims,
        },
        identity,
        builders: Vec::new(),
    }
}

/// What the generic generator signs for a workflow of the repository, under a policy that names the generator.
fn generated() -> Case {
    let mut case = attested();
    case.origin.builder = Some(GENERIC.to_owned());
    case.origin.build_type = Some(slsa_github_generator::GENERIC.to_owned());
    case.certificate.san = SubjectName::Uri(GENERIC.to_owned());
    case.certificate.claims.build_signer_uri = Some(GENERIC.to_owned());
    case.builders = vec![GENERIC];
    case
}

impl Case {
    fn by(&self, signer: &SignerIdentity) -> BuildLevel {
        let policy = Policy::on_command_line(OnCommandLine {
            trust: TrustRoot::new(Vec::new(), Vec::new()),
            identities: vec![self.identity.clone()],
            attestations: [].into(),
            bare_signature: false,
            source: None,
            git_ref: None,
            builders: self.builders.iter().map(|&it| it.to_owned()).collect(),
            build_types: [].into(),
            instructions: Default::default(),
        });
        of_provenance(&policy.rules()[0], &self.origin, signer)
    }

    fn level(&self) -> BuildLevel {
        self.by(&SignerIdentity::Certificate(Box::new(self.certificate.clone())))
    }

    fn bent(mut self, bend: impl FnOnce(&mut Self)) -> BuildLevel {
        bend(&mut self);
        self.level()
    }
}

#[test]
fn the_rows_of_the_table() {
    assert_eq!(attested().level(), BuildLevel::Two);
    assert_eq!(generated().level(), BuildLevel::Three);
    let runner = attested().bent(|it| it.origin.builder = Some(GITHUB_HOSTED_RUNNER.to_owned()));
    assert_eq!(runner, BuildLevel::Two);
    let github = attested().bent(|it| {
        it.certificate.instance = InstanceName::Github;
        it.identity.trust = InstanceName::Github;
    });
    assert_eq!(github, BuildLevel::Two);
    let by_san = generated().bent(|it| {
        it.builders.clear();
        it.identity.san = Some(GENERIC.to_owned());
    });
    assert_eq!(by_san, BuildLevel::Three);
}

#[test]
fn a_key_in_a_file_proves_that_there_is_provenance_and_no_more() {
    let key = SignerIdentity::Key(KeyId::of_spki(b"a key"));
    assert_eq!(generated().by(&key), BuildLevel::One);
    assert_eq!(attested().by(&key), BuildLevel::One);
}

type Bend = fn(&mut Case);

#[test]
fn a_hosted_build_needs_every_fact() {
    let bends: [(&str, Bend); 11] = [
        ("a machine of their own", |it| {
            it.certificate.claims.runner_environment = Some("self-hosted".to_owned());
        }),
        ("a machine that is not named", |it| it.certificate.claims.runner_environment = None),
        ("another issuer", |it| it.certificate.issuer = "https://gitlab.com".to_owned()),
        ("an instance of somebody's own", |it| it.certificate.instance = InstanceName::Private),
        ("an instance for trying out", |it| it.certificate.instance = InstanceName::Staging),
        ("another build type", |it| it.origin.build_type = Some("https://example.org/x".into())),
        ("our own build, in a job of GitHub's", |it| {
            it.origin.build_type = Some(pep517::BUILD_TYPE.to_owned());
        }),
        ("no build type", |it| it.origin.build_type = None),
        ("no builder", |it| it.origin.builder = None),
        ("another builder", |it| {
            it.origin.builder = Some("https://github.com/o/r/.github/workflows/x.yml@x".into());
        }),
        ("a policy that names no repository", |it| it.identity.repository = None),
    ];
    for (what, bend) in bends {
        assert_eq!(attested().bent(bend), BuildLevel::One, "{what}");
    }
}

#[test]
fn a_workflow_of_another_repository_counts_only_where_it_is_named_whole() {
    const SHARED: &str = "https://github.com/org/shared/.github/workflows/w.yml@refs/heads/main";
    let shared = |it: &mut Case| {
        it.origin.builder = Some(SHARED.to_owned());
        it.certificate.san = SubjectName::Uri(SHARED.to_owned());
        it.certificate.claims.build_signer_uri = Some(SHARED.to_owned());
    };
    assert_eq!(attested().bent(shared), BuildLevel::One);
    let named = attested().bent(|it| {
        shared(it);
        it.builders = vec![SHARED];
    });
    assert_eq!(named, BuildLevel::Two);
    // A repository whose name begins as the other's does.
    let longer = attested().bent(|it| {
        let text = "https://github.com/o/r2/.github/workflows/w.yml@refs/tags/v1".to_owned();
        it.origin.builder = Some(text.clone());
        it.certificate.claims.build_signer_uri = Some(text);
    });
    assert_eq!(longer, BuildLevel::One);
}

#[test]
fn the_generator_counts_at_a_release_and_where_it_is_named_whole() {
    assert_eq!(generated().bent(|it| it.builders.clear()), BuildLevel::One);
    for other in [
        GENERIC.replace("refs/tags/v2.1.0", "refs/heads/main"),
        GENERIC.replace("refs/tags/v2.1.0", "refs/tags/v2.1"),
        GENERIC.replace("refs/tags/v2.1.0", "refs/tags/v2.1.0-rc.1"),
        GENERIC.replace("refs/tags/v2.1.0", "refs/tags/v2.1.0.1"),
        GENERIC.replace("refs/tags/v2.1.0", &"a".repeat(40)),
        GENERIC.replace("slsa-framework/", "slsa-framework2/"),
        GENERIC.replace("generator_generic", "other_generic"),
    ] {
        let level = generated().bent(|it| {
            it.origin.builder = Some(other.clone());
            it.certificate.san = SubjectName::Uri(other.clone());
            it.certificate.claims.build_signer_uri = Some(other.clone());
            it.builders = vec![String::leak(other.clone())];
        });
        assert_eq!(level, BuildLevel::One, "{other}");
    }
    // Provenance that names the generator and was signed by another workflow.
    let signer = generated().bent(|it| {
        it.certificate.claims.build_signer_uri = Some(WORKFLOW.to_owned());
    });
    assert_eq!(signer, BuildLevel::One);
    let machine = generated()
        .bent(|it| it.certificate.claims.runner_environment = Some("self-hosted".into()));
    assert_eq!(machine, BuildLevel::One);
}

#[test]
fn what_one_builder_made_was_reproduced_by_nobody() {
    for builders in [0, 1] {
        assert_eq!(levels(Some(BuildLevel::Three), builders), ["SLSA_BUILD_LEVEL_3"]);
        assert_eq!(levels(None, builders), ["SLSA_BUILD_LEVEL_UNEVALUATED"]);
    }
    for builders in [2, 3] {
        let expected = ["SLSA_BUILD_LEVEL_1", "SLSA_BUILD_REPRODUCED"];
        assert_eq!(levels(Some(BuildLevel::One), builders), expected);
    }
}
