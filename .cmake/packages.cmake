# Every library comes from Debian. The list of packages stands in tests/packages.txt; what is missing is named here.

function(ringside_missing package what)
    message(FATAL_ERROR "${what} not found. Install it with: apt-get install ${package}\n"
                        "(./tests/run and ./guests/demo install everything in tests/packages.txt by themselves)")
endfunction()

find_package(PkgConfig QUIET)
if(NOT PkgConfig_FOUND)
    ringside_missing(pkg-config "pkg-config")
endif()

# A static program (the lab's initramfs holds no libraries) takes the archives, and fmt and spdlog, of which Debian has
# none, as headers.
if(RINGSIDE_STATIC)
    set(PKG_CONFIG_ARGN --static)
    set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
endif()

# ringside_header_library(TARGET HEADER PACKAGE)
function(ringside_header_library target header package)
    find_path(${target}_INCLUDE ${header})
    if(NOT ${target}_INCLUDE)
        ringside_missing(${package} ${header})
    endif()
    add_library(${target} INTERFACE)
    target_include_directories(${target} SYSTEM INTERFACE ${${target}_INCLUDE})
endfunction()

# ringside_pkg(TARGET MODULE PACKAGE): a library that pkg-config knows, as an imported target.
function(ringside_pkg target module package)
    pkg_check_modules(${target} QUIET IMPORTED_TARGET ${module})
    if(NOT ${target}_FOUND)
        ringside_missing(${package} ${module})
    endif()
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE PkgConfig::${target})
endfunction()

ringside_header_library(ringside_asio asio.hpp libasio-dev)
target_compile_definitions(ringside_asio INTERFACE ASIO_STANDALONE ASIO_NO_DEPRECATED)
ringside_header_library(ringside_expected tl/expected.hpp libexpected-dev)
ringside_header_library(ringside_cli11 CLI/CLI.hpp libcli11-dev)
ringside_header_library(ringside_json nlohmann/json.hpp nlohmann-json3-dev)
ringside_pkg(ringside_capstone capstone libcapstone-dev)
if(RINGSIDE_STATIC)
    ringside_header_library(ringside_fmt fmt/format.h libfmt-dev)
    target_compile_definitions(ringside_fmt INTERFACE FMT_HEADER_ONLY)
    ringside_header_library(ringside_spdlog spdlog/spdlog.h libspdlog-dev)
    target_compile_definitions(ringside_spdlog INTERFACE SPDLOG_HEADER_ONLY SPDLOG_FMT_EXTERNAL)
    target_link_libraries(ringside_spdlog INTERFACE ringside_fmt)
else()
    ringside_pkg(ringside_fmt fmt libfmt-dev)
    ringside_pkg(ringside_spdlog spdlog libspdlog-dev)
endif()
ringside_pkg(ringside_libelf libelf libelf-dev)
ringside_pkg(ringside_libdw libdw libdw-dev)
ringside_pkg(ringside_zlib zlib zlib1g-dev)

find_package(GTest QUIET)
if(NOT GTest_FOUND)
    ringside_missing("libgtest-dev libgmock-dev" "GoogleTest")
endif()
