use std::path::Path;

use super::facts::{Facts, Stock};
use super::finding::{Check, Finding, State, grouped};
use super::needs::{Wish, judge};
use super::{Verdict, render};

/// A machine with room for a million sockets.
fn large() -> Facts {
    Facts {
        hard_files: 2_000_000,
        soft_files: 1024,
        nr_open: Some(2_000_000),
        system_files: Some(Stock {
            most: 9_000_000,
            used: 1000,
        }),
        ports: Some([1024, 65_535]),
        somaxconn: Some(4096),
        syn_backlog: Some(4096),
        syn_cookies: Some(1),
        packet_backlog: Some(1_000_000),
        tcp_mem: Some([1_500_000, 2_000_000, 3_000_000]),
        tcp_pages: 30,
        send_buffer: Some([4096, 16_384, 4 << 20]),
        receive_buffer: Some([4096, 131_072, 6 << 20]),
        memory: Some(64 << 30),
        cgroup: None,
        conntrack: None,
        commit: None,
        page: 4096,
    }
}

fn wish(sockets: u64) -> Wish {
    Wish {
        sockets,
        tls: false,
    }
}

fn finding(facts: &Facts, wish: Wish, check: Check) -> Finding {
    let mut all = judge(facts, wish).into_iter();
    all.find(|one| one.check == check)
        .expect("it was looked at")
}

/// What is to be done about one check; nothing if it is fine.
fn change(facts: &Facts, sockets: u64, check: Check) -> Vec<String> {
    finding(facts, wish(sockets), check).change
}

#[test]
fn a_large_machine_has_nothing_to_change() {
    for one in judge(&large(), wish(1_000_000)) {
        assert_eq!(one.state, State::Fine, "{one:?}");
        assert!(one.change.is_empty(), "{one:?}");
    }
}

#[test]
fn too_few_files_can_be_raised_or_shared_among_processes() {
    let facts = Facts {
        hard_files: 20_000,
        ..large()
    };
    assert!(change(&facts, 19_000, Check::OpenFiles).is_empty());
    assert_eq!(
        change(&facts, 100_000, Check::OpenFiles),
        [
            "systemd: LimitNOFILE=105263 in the unit's [Service]",
            "docker: --ulimit nofile=105263:105263",
            "login shells: `* - nofile 105263` in /etc/security/limits.conf",
            "or 6 gateway processes behind a balancer, 19 000 sockets each",
        ]
    );
    let capped = Facts {
        nr_open: Some(50_000),
        ..facts.clone()
    };
    let lines = change(&capped, 100_000, Check::OpenFiles);
    assert!(
        lines[0].starts_with("sysctl -w fs.nr_open=105263"),
        "{lines:?}"
    );
    // So few that none is left for a client: processes are no way out.
    let tiny = Facts {
        hard_files: 64,
        ..facts
    };
    assert_eq!(change(&tiny, 100, Check::OpenFiles).len(), 3);
}

#[test]
fn no_limit_is_enough() {
    let facts = Facts {
        hard_files: u64::MAX,
        ..large()
    };
    let found = finding(&facts, wish(1_000_000), Check::OpenFiles);
    assert_eq!(found.state, State::Fine);
    assert!(found.text().starts_with("no limit, needs 1 052 631"));
}

#[test]
fn each_shortage_names_its_line() {
    let small = Facts {
        system_files: Some(Stock {
            most: 50_000,
            used: 1000,
        }),
        ports: Some([60_000, 60_999]),
        somaxconn: Some(128),
        syn_backlog: Some(128),
        syn_cookies: Some(0),
        packet_backlog: Some(1000),
        tcp_mem: Some([9_000, 12_000, 18_000]),
        ..large()
    };
    let check = |check: Check, lines: &[&str]| {
        assert_eq!(change(&small, 100_000, check), lines, "{check:?}");
    };
    check(Check::SystemFiles, &["sysctl -w fs.file-max=106263"]);
    check(Check::ListenQueue, &["sysctl -w net.core.somaxconn=4096"]);
    check(
        Check::SynQueue,
        &[
            "sysctl -w net.ipv4.tcp_max_syn_backlog=1024",
            "sysctl -w net.ipv4.tcp_syncookies=1",
        ],
    );
    check(
        Check::PacketQueue,
        &["sysctl -w net.core.netdev_max_backlog=100000"],
    );
    check(
        Check::TcpMemory,
        &["sysctl -w net.ipv4.tcp_mem='75021 100030 150045'"],
    );
    check(
        Check::Ports,
        &[
            "sysctl -w net.ipv4.ip_local_port_range='1024 65535'; keep listeners' ports out with net.ipv4.ip_local_reserved_ports",
        ],
    );
    // Few sockets need few of everything.
    for one in judge(&small, wish(100)) {
        assert_eq!(one.state, State::Fine, "{one:?}");
    }
}

#[test]
fn syn_cookies_stand_in_for_a_short_queue() {
    let facts = Facts {
        syn_backlog: Some(128),
        ..large()
    };
    assert!(change(&facts, 100_000, Check::SynQueue).is_empty());
}

#[test]
fn sockets_opened_together_are_probed_together() {
    let facts = Facts {
        packet_backlog: Some(1000),
        ..large()
    };
    assert_eq!(
        finding(&facts, wish(1000), Check::PacketQueue).state,
        State::Fine
    );
    assert_eq!(
        finding(&facts, wish(1001), Check::PacketQueue).state,
        State::Change
    );
    // Network namespaces do not have the number.
    let contained = Facts {
        packet_backlog: None,
        ..large()
    };
    let found = finding(&contained, wish(1_000_000), Check::PacketQueue);
    assert_eq!(found.state, State::Unknown);
}

#[test]
fn memory_is_that_of_sockets_in_program_and_kernel() {
    let gibibyte = Facts {
        memory: Some(1 << 30),
        ..large()
    };
    assert!(change(&gibibyte, 100_000, Check::Memory).is_empty());
    let encrypted = Wish {
        sockets: 100_000,
        tls: true,
    };
    let found = finding(&gibibyte, encrypted, Check::Memory);
    assert_eq!(found.state, State::Change);
    assert_eq!(found.needs, (64 << 20) + 100_000 * 11_100);
    assert_eq!(
        found.change,
        ["a machine with more memory, or `server.limits.connections` of at most 90 687"]
    );
}

#[test]
fn slow_clients_must_find_memory_too() {
    let facts = Facts {
        memory: Some(2 << 30),
        ..large()
    };
    assert_eq!(
        change(&facts, 100_000, Check::SocketBuffers),
        ["sysctl -w net.ipv4.tcp_mem='168502 252753 337005'"]
    );
    assert_eq!(
        change(&facts, 10_000, Check::SocketBuffers),
        [
            "sysctl -w net.ipv4.tcp_wmem='4096 16384 200704'",
            "or sysctl -w net.ipv4.tcp_mem='245407 368109 490814'",
        ]
    );
    let scarce = Facts {
        memory: Some(900 << 20),
        ..large()
    };
    assert_eq!(
        change(&scarce, 100_000, Check::SocketBuffers),
        ["more memory, or fewer sockets"]
    );
    // The kernel gives all sockets together no more than tcp_mem.
    let bounded = Facts {
        tcp_mem: Some([150_000, 200_000, 300_000]),
        ..facts
    };
    let found = finding(&bounded, wish(100_000), Check::SocketBuffers);
    assert_eq!((found.state, found.needs), (State::Fine, 300_000 * 4096));
}

#[test]
fn limits_that_are_not_there_are_not_mentioned() {
    let checks: Vec<_> = judge(&large(), wish(1))
        .iter()
        .map(|one| one.check)
        .collect();
    for absent in [
        Check::CgroupMemory,
        Check::CommittedMemory,
        Check::Conntrack,
    ] {
        assert!(!checks.contains(&absent), "{absent:?}");
    }
    let stock = Some(Stock {
        most: 100 << 20,
        used: 10 << 20,
    });
    let tight = Facts {
        cgroup: stock,
        commit: stock,
        conntrack: Some(Stock {
            most: 65_536,
            used: 536,
        }),
        ..large()
    };
    assert_eq!(
        change(&tight, 100_000, Check::CgroupMemory),
        [
            "systemd: MemoryMax=742M in the unit's [Service]",
            "docker: --memory 742m",
            "Kubernetes: resources.limits.memory: 742Mi",
        ]
    );
    assert_eq!(
        change(&tight, 100_000, Check::CommittedMemory),
        [
            "sysctl -w vm.overcommit_kbytes=271089",
            "sysctl -w vm.overcommit_memory=0, which promises more than there is",
        ]
    );
    assert_eq!(
        change(&tight, 100_000, Check::Conntrack),
        [
            "sysctl -w net.netfilter.nf_conntrack_max=110536",
            "sysctl -w net.netfilter.nf_conntrack_buckets=27634",
            "or a `notrack` rule for the gateway's port",
        ]
    );
}

#[test]
fn what_is_not_known_is_no_reason_to_change_anything() {
    let nothing = Facts::read(Path::new("/nowhere"));
    for one in judge(&nothing, wish(1)) {
        assert_ne!(one.state, State::Change, "{one:?}");
    }
    let found = finding(&nothing, wish(1), Check::Memory);
    assert_eq!(found.state, State::Unknown);
    assert!(found.text().starts_with("not known, needs "));
}

#[test]
fn the_machine_is_read() {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("proc/sys/fs/nr_open", "1048576\n");
    write("proc/sys/fs/file-nr", "497\t0\t2466170\n");
    write("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n");
    write("proc/sys/net/ipv4/tcp_mem", "1\t2\t3\n");
    write("proc/sys/net/core/somaxconn", "128\n");
    write("proc/sys/net/core/netdev_max_backlog", "1000\n");
    write("proc/sys/net/netfilter/nf_conntrack_max", "262144\n");
    write("proc/sys/net/netfilter/nf_conntrack_count", "12\n");
    write("proc/sys/vm/overcommit_memory", "2\n");
    write(
        "proc/meminfo",
        "MemTotal: 9 kB\nMemAvailable:       8 kB\nCommitLimit: 7 kB\nCommitted_AS: 6 kB\n",
    );
    write(
        "proc/net/sockstat",
        "sockets: used 15\nTCP: inuse 1 orphan 0 tw 0 alloc 1 mem 31\n",
    );
    write("proc/self/cgroup", "4:cpu,memory:/a/b\n0::/c/d\n");
    let (v1, v2) = ("sys/fs/cgroup/memory", "sys/fs/cgroup");
    write(
        &format!("{v1}/a/b/memory.limit_in_bytes"),
        "9223372036854771712\n",
    );
    write(&format!("{v1}/a/b/memory.usage_in_bytes"), "5\n");
    write(&format!("{v1}/memory.limit_in_bytes"), "1000\n");
    write(&format!("{v1}/memory.usage_in_bytes"), "500\n");
    write(
        &format!("{v1}/memory.stat"),
        "cache 7\ntotal_inactive_file 100\n",
    );
    write(&format!("{v2}/c/memory.max"), "800\n");
    write(&format!("{v2}/c/memory.current"), "300\n");
    write(&format!("{v2}/c/d/memory.max"), "max\n");
    write(&format!("{v2}/c/d/memory.current"), "300\n");
    let facts = Facts::read(root.path());
    let stock = |most, used| Some(Stock { most, used });
    assert_eq!(facts.nr_open, Some(1_048_576));
    assert_eq!(facts.system_files, stock(2_466_170, 497));
    assert_eq!(facts.ports, Some([32_768, 60_999]));
    assert_eq!((facts.tcp_mem, facts.tcp_pages), (Some([1, 2, 3]), 31));
    assert_eq!(facts.somaxconn, Some(128));
    assert_eq!(facts.packet_backlog, Some(1000));
    assert_eq!(facts.conntrack, stock(262_144, 12));
    assert_eq!(facts.commit, stock(7 << 10, 6 << 10));
    assert_eq!(facts.memory, Some(8 << 10));
    // 500 left in the group of the second version, 600 in the root of the first.
    assert_eq!(facts.cgroup, stock(800, 300));
    assert_eq!(facts.syn_backlog, None);
}

#[test]
fn the_page_says_what_is_what_is_needed_and_what_to_change() {
    let facts = Facts {
        somaxconn: Some(128),
        ..large()
    };
    let wish = wish(10_000);
    let findings = judge(&facts, wish);
    let text = render(&Verdict {
        wish,
        fine: false,
        findings,
    });
    assert!(
        text.starts_with("10 000 sockets\nfine     open files "),
        "{text}"
    );
    let queue = "change   listen queue        128, needs 4 096: net.core.somaxconn; clients that come back at once wait here to be accepted\n         → sysctl -w net.core.somaxconn=4096\n";
    assert!(text.contains(queue), "{text}");
}

#[test]
fn thousands_are_set_apart() {
    let check = |number: u64, text: &str| assert_eq!(grouped(number), text);
    check(0, "0");
    check(999, "999");
    check(1000, "1 000");
    check(1_048_576, "1 048 576");
}
