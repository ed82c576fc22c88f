//! What the system says of a file in one call. Nothing here is trusted to still be so later:
//! two of these are compared to find out.

use pulih_vault::tree::entry::Timestamp;
use rustix::fs::FileType;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stat {
    /// With the bits of the type.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    pub mtime: Timestamp,
    pub ctime: Timestamp,
    pub device: u64,
    pub inode: u64,
    pub links: u64,
    pub rdev: u64,
    /// Of 512 bytes, as the file takes up on disk.
    pub blocks: u64,
}

impl Stat {
    pub fn file_type(&self) -> FileType {
        FileType::from_raw_mode(self.mode)
    }

    pub fn is_dir(&self) -> bool {
        self.file_type() == FileType::Directory
    }

    pub fn is_file(&self) -> bool {
        self.file_type() == FileType::RegularFile
    }

    /// Whether both are of one file, under whatever name.
    pub fn is_same_file(&self, other: &Stat) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

impl From<rustix::fs::Stat> for Stat {
    // The types of the fields differ between architectures.
    #[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
    fn from(stat: rustix::fs::Stat) -> Self {
        let time = |seconds: i64, nanoseconds: u64| Timestamp {
            seconds,
            // A broken file system may give anything; an entry cannot hold a whole second here.
            nanoseconds: nanoseconds.min(999_999_999) as u32,
        };
        Self {
            mode: stat.st_mode.into(),
            uid: stat.st_uid,
            gid: stat.st_gid,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mtime: time(stat.st_mtime as i64, stat.st_mtime_nsec as u64),
            ctime: time(stat.st_ctime as i64, stat.st_ctime_nsec as u64),
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            links: stat.st_nlink as u64,
            rdev: stat.st_rdev as u64,
            blocks: stat.st_blocks as u64,
        }
    }
}
