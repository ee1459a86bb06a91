use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

#[test]
fn each_runtime_tells_name_and_image() {
    let root = Root::new("each");
    for (path, runtime, text) in [
        (
            "var/lib/docker/containers/ID/config.v2.json",
            Some("docker"),
            r#"{"ID":"x","Name":"/web","Config":{"Hostname":"x","Image":"nginx:1.25"}}"#,
        ),
        (
            "run/containerd/io.containerd.runtime.v2.task/k8s.io/ID/config.json",
            Some("containerd"),
            r#"{"ociVersion":"1.0","annotations":{"io.kubernetes.cri.container-name":"web",
               "io.kubernetes.cri.image-name":"nginx:1.25","other":"x"}}"#,
        ),
        (
            "var/lib/containers/storage/overlay-containers/ID/userdata/config.json",
            Some("cri-o"),
            r#"{"annotations":{"io.kubernetes.container.name":"web",
               "io.kubernetes.cri-o.ImageName":"nginx:1.25"}}"#,
        ),
        (
            "var/lib/containers/storage/overlay-containers/containers.json",
            None,
            r#"[{"id":"other"},{"id":"ID","names":["web"],"metadata":"{\"image-name\":\"nginx:1.25\",\"name\":\"web\"}"}]"#,
        ),
    ] {
        root.write(path, text);
        let found = describe(&root.0, ID).expect(path);
        assert_eq!((found.name.as_deref(), found.runtime), (Some("web"), runtime), "{path}");
        let image = found.image.expect(path);
        assert_eq!((&*image.name, &*image.tag[0]), ("nginx", "1.25"));
        root.remove(path);
    }
}

#[test]
fn the_first_of_several_that_knows_the_container_counts() {
    let root = Root::new("several");
    let moby = "run/containerd/io.containerd.runtime.v2.task/k8s.io/ID/config.json";
    root.write(moby, r#"{"annotations":{}}"#);
    root.write("var/lib/docker/containers/ID/config.v2.json", r#"{"Name":"/web"}"#);
    let found = describe(&root.0, ID).unwrap();
    assert_eq!(
        found,
        Description { name: Some("web".into()), image: None, runtime: Some("docker") }
    );
}

#[test]
fn hostile_files_say_nothing() {
    let root = Root::new("hostile");
    assert_eq!(describe(&root.0, ID), Err(Unreadable::Absent));
    let path = "var/lib/docker/containers/ID/config.v2.json";
    let deep = "[".repeat(100_000);
    for text in ["", "{", "[]", "\"x\"", r#"{"Name":7}"#, "\u{0}", &deep] {
        root.write(path, text);
        assert_eq!(describe(&root.0, ID), Err(Unreadable::Malformed), "{text:.20}");
    }
    root.write(path, &" ".repeat(MAX_FILE_LEN + 1));
    assert_eq!(describe(&root.0, ID), Err(Unreadable::TooLong));
    root.write(path, &format!(r#"{{"Name":"/{}","Config":{{"Image":"a b"}}}}"#, "x".repeat(600)));
    let nothing = Description { runtime: Some("docker"), ..Description::default() };
    assert_eq!(describe(&root.0, ID), Ok(nothing));
    root.remove(path);
    fs::create_dir_all(root.place(path)).unwrap();
    assert_eq!(describe(&root.0, ID), Err(Unreadable::Refused));
}

proptest! {
    #[test]
    fn any_list_of_containers_is_read_or_refused(text in "[\\[\\]{}\":,a-z0-9 ]{0,60}") {
        let root = Root::new("any");
        let list = "var/lib/containers/storage/overlay-containers/containers.json";
        root.write(list, &text);
        let found = describe(&root.0, ID);
        prop_assert!(matches!(found, Err(Unreadable::Malformed | Unreadable::Absent)), "{found:?}");
    }
}

struct Root(PathBuf);

impl Root {
    fn new(name: &str) -> Self {
        let folder = format!("tlsight-runtime-{name}-{}", std::process::id());
        Self(std::env::temp_dir().join(folder))
    }

    fn place(&self, path: &str) -> PathBuf {
        self.0.join(path.replace("ID", ID))
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.place(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text.replace("\"ID\"", &format!("\"{ID}\""))).unwrap();
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.place(path)).unwrap();
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
