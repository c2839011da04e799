//! Which of several package indexes a project is of.

use super::schema::Policy;
use crate::filename::ProjectName;

/// A project that is of none of the indexes that were given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{project}` is of {expected} by {by}, and of none of the package indexes that are asked")]
pub struct OfNoIndex {
    /// The project.
    pub project: ProjectName,
    /// The indexes that it may be of.
    pub expected: String,
    /// The rule that says so.
    pub by: String,
}

impl Policy {
    /// The place in `given`, URLs of package indexes without credentials, of the one index that a project is of: the first
    /// one that the first rule naming the project has in its `indexes`, whatever files that rule is about. Where it has
    /// none, or no rule names the project, it is the first of all. Of several policies all must allow it.
    ///
    /// # Errors
    /// [`OfNoIndex`] where rules name other indexes only.
    pub fn index_of(&self, project: &ProjectName, given: &[String]) -> Result<usize, OfNoIndex> {
        let mut places: Vec<usize> = (0..given.len()).collect();
        for file in self.files() {
            let naming = file.by_project.rules(project.as_str());
            let Some(number) = naming.first() else { continue };
            let Some(rule) = file.rules().get(*number) else { continue };
            let indexes = &rule.files.indexes;
            if indexes.is_empty() {
                continue;
            }
            places.retain(|at| given.get(*at).is_some_and(|url| rule.files.are_of(url)));
            if places.is_empty() {
                let all: Vec<_> = indexes.iter().map(|it| format!("`{it}`")).collect();
                return Err(OfNoIndex {
                    project: project.clone(),
                    expected: all.join(" or "),
                    by: format!("rules[{number}] of {}", file.path),
                });
            }
        }
        Ok(places.first().copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::Embedded;

    const HEAD: &str = "schema = 1\n[keys.k]\npem = \"\"\"\n-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAQb0H93mp23v2EYUuu9bXqxeSH6iPYNnyJ4fYGpiK1Gk=\n-----END PUBLIC KEY-----\n\"\"\"\n";

    fn rule(projects: &str, indexes: &str) -> String {
        format!(
            "[[rules]]\nprojects = [\"{projects}\"]\nkeys = [\"k\"]\nsource = \"https://example.org/o/r\"\n\
             builders = [\"https://example.org/b\"]\nrebuild = \"never\"\n{indexes}"
        )
    }

    #[test]
    fn a_project_is_of_one_index_by_the_first_rule_that_names_it() {
        let text = HEAD.to_owned()
            + &rule("acme-*", "indexes = [\"https://in.example.org/simple\"]\n")
            + &rule(
                "free",
                "indexes = [\"https://b.example/s\", \"https://in.example.org/simple/\"]\n",
            )
            + &rule("gone", "indexes = [\"https://gone.example/\"]\n")
            + &rule("*", "");
        let policy = Policy::parse("policy.toml", &text, &Embedded).expect("a policy");
        let given =
            ["https://a.example/simple/", "https://in.example.org/simple/"].map(str::to_owned);
        let of = |name: &str| policy.index_of(&name.parse().expect("a name"), &given);
        assert_eq!(of("acme-x"), Ok(1));
        assert_eq!(of("free"), Ok(1));
        assert_eq!(of("other"), Ok(0));
        let error = of("gone").expect_err("none of them").to_string();
        assert!(error.contains("`gone` is of `https://gone.example` by rules[2]"), "{error}");
        // In the other order too.
        let given = [given[1].clone(), given[0].clone()];
        let of = |name: &str| policy.index_of(&name.parse().expect("a name"), &given);
        assert_eq!((of("acme-x"), of("other")), (Ok(0), Ok(0)));
    }
}
