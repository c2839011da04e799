//! An honest little wheel, for tests that are about something else.

use crate::hostile::Plan;

/// The name of [`wheel`].
pub const FILENAME: &str = "demo-1.0-py3-none-any.whl";

/// A pure wheel of the project `demo`, version 1.0.
pub fn wheel() -> Vec<u8> {
    Plan::new().archive().bytes()
}

/// The same with a file more, or another content of one.
pub fn wheel_with(name: &str, data: &[u8]) -> Vec<u8> {
    Plan::new().put(name, data).archive().bytes()
}

/// A pure wheel of another project or version, with its file name.
pub fn wheel_of(project: &str, version: &str) -> (String, Vec<u8>) {
    let mut plan = Plan::new();
    let metadata = "demo-1.0.dist-info/METADATA";
    plan.edit(metadata, "Name: demo", &format!("Name: {project}"));
    plan.edit(metadata, "Version: 1.0", &format!("Version: {version}"));
    let stem = format!("{}-{version}", project.replace('-', "_"));
    for (name, _) in &mut plan.files {
        *name = name.replace("demo-1.0.dist-info", &format!("{stem}.dist-info"));
    }
    plan.record_path = format!("{stem}.dist-info/RECORD");
    (format!("{stem}-py3-none-any.whl"), plan.archive().bytes())
}
