# The Debian package, of the static binary: packaging/package makes it.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME bgdeploy)
set(CPACK_PACKAGE_VENDOR "The bgdeploy authors")
set(CPACK_PACKAGE_CONTACT "The bgdeploy authors <bgdeploy@users.noreply.github.com>")
set(CPACK_PACKAGE_DESCRIPTION
"It starts a new version of a container beside the old one, waits until it is
healthy, switches nginx, and stops the old version when nothing uses it any
more. If anything fails, the old version keeps serving. The hosts need SSH,
docker and nginx, and no agent.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_HOMEPAGE https://github.com/OWNER/bgdeploy)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "openssh-client, bash-completion")
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)  # Debian 11 knows no zstd
include(CPack)

set(documents ${CMAKE_INSTALL_DATADIR}/doc/bgdeploy)
install(FILES packaging/debian/copyright DESTINATION ${documents})
install(CODE "
  execute_process(COMMAND gzip -9nc INPUT_FILE ${PROJECT_BINARY_DIR}/changelog
                  OUTPUT_FILE ${PROJECT_BINARY_DIR}/changelog.gz COMMAND_ERROR_IS_FATAL ANY)")
install(FILES ${PROJECT_BINARY_DIR}/changelog.gz DESTINATION ${documents})
install(FILES packaging/debian/lintian-overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides RENAME bgdeploy)
execute_process(COMMAND date --utc --rfc-email --date=${BGDEPLOY_DATE} OUTPUT_VARIABLE BGDEPLOY_CHANGELOG_DATE
                OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
configure_file(packaging/debian/changelog.in ${PROJECT_BINARY_DIR}/changelog @ONLY)
